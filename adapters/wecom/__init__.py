"""What the WeCom channels share: crypto, XML, the API, and how text is shown."""

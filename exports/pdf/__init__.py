"""PDF: pages rendered, verified, labelled and assembled."""

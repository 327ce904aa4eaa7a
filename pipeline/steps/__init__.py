"""What a turn passes besides answering: guards, rendering under a deadline, the notice that it takes a while."""

"""What a library holds, in formats that other programs read, and back."""

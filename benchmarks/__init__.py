"""What Nacre costs, beside what other libraries cost on the same machine in the same minute."""

"""What is published of resolverd, made from a checkout: wheels, and what proves them."""

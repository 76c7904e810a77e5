"""What S3 can do, one module per kind of thing it does it to."""

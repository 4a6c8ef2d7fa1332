"""What has been done: records, the database that keeps them, and the tables made from it."""

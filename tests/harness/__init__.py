"""What tests share: Snapshots without files, strict readers of messages, running daemons."""

"""What several test modules use, by topic. No test module imports another."""

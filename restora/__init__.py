"""Restora restores damaged pictures on the computer you have, and proves what it did."""

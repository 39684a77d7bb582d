"""Tables of documents as typed data, and computing with them."""

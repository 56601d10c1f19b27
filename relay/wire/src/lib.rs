//! What crosses the socket between a client and a relay, and nothing that the relay may not see.

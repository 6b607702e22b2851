//! The law harness.

//! Conformance vectors and requirement tables, and the tests that run them

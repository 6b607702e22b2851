#![no_std]
//! Session Description Protocol (RFC 8866): a borrowing, allocation-free parser, typed attributes, an owned session and a writer

//! Two-key additive stream over 7-bit text.

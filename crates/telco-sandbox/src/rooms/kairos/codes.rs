//! The body codes: docs/protocols/kairos.md, section 9.

/// A body code with its message, as the provider's table has them.
pub(crate) type Code = (u16, &'static str);

/// Every documented code.
pub(crate) const CODES: [Code; 22] = [
    (200, "Success"),
    (201, "Checksum Repeated"),
    (202, "Invalid Security ID"),
    (203, "API Version not Supported"),
    (204, "Invalid SMS Gateway"),
    (205, "Invalid Contact Number"),
    (206, "Failure from Gateway"),
    (207, "DID Not Mapped"),
    (208, "No Mask Available"),
    (209, "Partial Success"),
    (210, "Invalid Mandatory Parameters"),
    (211, "Validity Expired"),
    (212, "Insufficient Balance"),
    (213, "No Data Available"),
    (301, "Invalid Flow ID"),
    (302, "Empty Call List"),
    (303, "Max Data List Size Exceeded"),
    (304, "Invalid Flow Version"),
    (400, "Invalid Format"),
    (401, "IP Not Whitelisted"),
    (402, "Phone Not Whitelisted"),
    (500, "Failure"),
];

/// The message of a code; `None` for one that the table does not have.
pub(crate) fn message(code: u16) -> Option<&'static str> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, message)| *message)
}

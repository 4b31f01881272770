//! One row of an answer whose columns vary.

use std::fmt;

use crate::wire::Element;

/// Column name and text of each child, as the server sent them. `Debug` shows the names only.
#[derive(Clone, PartialEq, Eq)]
pub struct Record(Vec<(String, String)>);

impl Record {
    pub(crate) fn of(element: &Element) -> Self {
        Self(
            element
                .children
                .iter()
                .map(|child| (child.name.clone(), child.text.clone()))
                .collect(),
        )
    }

    /// The text of a column.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.0.iter().find(|(column, _)| column == name)?;
        Some(text)
    }

    /// All columns in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

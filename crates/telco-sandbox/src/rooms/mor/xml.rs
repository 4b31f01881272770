//! MOR's answers: XML, written by hand so that every element stands where the server puts it.

use super::settings::Settings;
use crate::room::Answer;
use crate::text::escape;

/// What a method says.
#[derive(Debug)]
pub(super) enum Page {
    /// An XML document without its declaration.
    Xml(String),
    /// Bare text: three balance methods answer so.
    Bare(String),
}

/// One element with text.
pub(super) fn el(name: &str, text: impl AsRef<str>) -> String {
    group(name, escape(text.as_ref()))
}

/// One element with elements inside.
pub(super) fn group(name: &str, inside: impl AsRef<str>) -> String {
    ["<", name, ">", inside.as_ref(), "</", name, ">"].concat()
}

/// `<page>…</page>`.
pub(super) fn page(inside: impl AsRef<str>) -> Page {
    Page::Xml(group("page", inside))
}

/// An error of a method.
pub(super) fn error_page(text: &str) -> Page {
    page(group("status", el("error", text)))
}

/// An error of the filters in front of every method: no page around it.
pub(super) fn filter_error(text: &str) -> Page {
    Page::Xml(group("status", el("error", text)))
}

impl Page {
    pub(super) fn into_answer(self, settings: &Settings, inline: bool) -> Answer {
        let (kind, file) = match settings.xml_extension {
            true => ("text/xml", "mor_api_response.xml"),
            false => ("text/html", "mor_api_response.html"),
        };
        let answer = match self {
            Self::Bare(text) => return Answer::new(200, "text/html; charset=utf-8", text),
            Self::Xml(body) => {
                let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
                let body = [declaration, &body, "\n"].concat();
                Answer::new(200, &format!("{kind}; charset=utf-8"), body)
            }
        };
        match inline {
            true => answer,
            false => answer.header(
                "Content-Disposition",
                format!("attachment; filename=\"{file}\""),
            ),
        }
    }
}

//! Tolerant reading of the server's XML: unknown elements are kept, nothing is fetched, nothing is expanded.

use std::borrow::Cow;
use std::fmt;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Deeper nesting than any answer has.
const MAX_DEPTH: usize = 64;

/// One answer: XML, or the bare text of a few methods.
///
/// `Debug` shows the names of the elements only: answers can hold passwords, PINs and numbers.
#[derive(Clone, PartialEq, Eq)]
pub enum Document {
    /// The root element.
    Xml(Element),
    /// Bare text such as `66.0000`, without the blanks around it.
    Text(String),
}

/// One element: its name as spelt, its own text without the blanks around it, and what is inside.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Element {
    /// As spelt by the server.
    pub name: String,
    /// Name and value.
    pub attributes: Vec<(String, String)>,
    /// Own text, trimmed.
    pub text: String,
    /// In order.
    pub children: Vec<Element>,
}

/// The body is neither XML that can be read safely nor text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableDocument {
    /// Nothing in it.
    #[error("the answer is empty")]
    Empty,
    /// A zip or gzip archive, which the server can be told to send.
    #[error("the answer is an archive: switch compression off in the server's API settings")]
    Archive,
    /// An encoding other than UTF-8, US-ASCII and ISO-8859-1, or bytes that are not of it.
    #[error("the answer is in an encoding that cannot be read")]
    Encoding,
    /// A document type declaration or an entity of its own: refused.
    #[error("the answer declares entities or a document type")]
    Entities,
    /// Not well-formed, cut off, or nested too deeply.
    #[error("the answer is not well-formed XML")]
    Malformed,
}

impl Document {
    /// Reads a body. The content type is not asked: the server sends the same XML as `text/html` in its default
    /// setting (observed).
    ///
    /// # Errors
    /// [`UnreadableDocument`].
    ///
    /// ```
    /// use mor_client::wire::Document;
    ///
    /// let page = Document::parse(b"<page><balance>66.0000</balance></page>")?;
    /// assert_eq!(page.find("balance").unwrap().text, "66.0000");
    /// assert!(Document::parse(b"<!DOCTYPE page [<!ENTITY a 'b'>]><page>&a;</page>").is_err());
    /// # Ok::<(), mor_client::wire::UnreadableDocument>(())
    /// ```
    pub fn parse(body: &[u8]) -> Result<Self, UnreadableDocument> {
        if body.starts_with(b"PK\x03\x04") || body.starts_with(&[0x1f, 0x8b]) {
            return Err(UnreadableDocument::Archive);
        }
        let text = decoded(body)?;
        match text.trim_start_matches('\u{feff}').trim() {
            "" => Err(UnreadableDocument::Empty),
            xml if xml.starts_with('<') => root(xml).map(Self::Xml),
            text => Ok(Self::Text(text.to_owned())),
        }
    }

    /// The first element of this name at any depth.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Element> {
        match self {
            Self::Xml(root) => root.find(name),
            Self::Text(_) => None,
        }
    }

    /// All elements of this name at any depth, in order.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        if let Self::Xml(root) = self {
            root.collect(name, &mut found);
        }
        found
    }

    /// The text of the first element of this name that has one.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.all(name)
            .into_iter()
            .map(|element| element.text.as_str())
            .find(|text| !text.is_empty())
    }
}

impl Element {
    /// The first element of this name, itself included, at any depth.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// The text of the first direct child of this name. Empty counts as absent.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&str> {
        let child = self.children.iter().find(|child| child.name == name)?;
        Some(child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .attributes
            .iter()
            .find(|(attribute, _)| attribute == name)?;
        Some(value)
    }

    fn collect<'e>(&'e self, name: &str, found: &mut Vec<&'e Self>) {
        if self.name == name {
            found.push(self);
        }
        for child in &self.children {
            child.collect(name, found);
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml(root) => f.debug_tuple("Xml").field(root).finish(),
            Self::Text(_) => f.write_str("Text(***)"),
        }
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.name)?;
        if self.children.is_empty() {
            Ok(())
        } else {
            f.debug_list().entries(&self.children).finish()
        }
    }
}

/// By the XML declaration; UTF-8 without one.
fn decoded(body: &[u8]) -> Result<Cow<'_, str>, UnreadableDocument> {
    let head = body.get(..body.len().min(128)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let declaration = head
        .split_once("?>")
        .map_or("", |(declaration, _)| declaration);
    let encoding = declaration
        .split_once("encoding")
        .and_then(|(_, rest)| rest.split(['"', '\'']).nth(1))
        .unwrap_or("utf-8");
    match encoding {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => str::from_utf8(body)
            .map(Cow::Borrowed)
            .map_err(|_| UnreadableDocument::Encoding),
        "iso-8859-1" | "latin1" => Ok(body.iter().copied().map(char::from).collect()),
        _ => Err(UnreadableDocument::Encoding),
    }
}

fn root(xml: &str) -> Result<Element, UnreadableDocument> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader
            .read_event()
            .map_err(|_| UnreadableDocument::Malformed)?
        {
            Event::Start(start) => {
                if root.is_some() || open.len() >= MAX_DEPTH {
                    return Err(UnreadableDocument::Malformed);
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                let element = element(&start)?;
                close(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or(UnreadableDocument::Malformed)?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => append(&mut open, &text.xml10_content())?,
            Event::CData(text) => append(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                append(&mut open, resolved(&reference)?.encode_utf8(&mut [0; 4]))?
            }
            Event::DocType(_) => return Err(UnreadableDocument::Entities),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            // Before the root element is closed, there is none.
            Event::Eof => return root.ok_or(UnreadableDocument::Malformed),
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, UnreadableDocument> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| UnreadableDocument::Malformed)?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| UnreadableDocument::Entities)?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element {
        name: start.name().as_ref().to_owned(),
        attributes,
        ..Element::default()
    })
}

/// Hands a finished element to its parent, or makes it the root.
fn close(
    mut element: Element,
    open: &mut [Element],
    root: &mut Option<Element>,
) -> Result<(), UnreadableDocument> {
    let trimmed = element.text.trim();
    if trimmed.len() != element.text.len() {
        element.text = trimmed.to_owned();
    }
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err(UnreadableDocument::Malformed),
    }
    Ok(())
}

fn append(open: &mut [Element], text: &str) -> Result<(), UnreadableDocument> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(UnreadableDocument::Malformed),
    }
    Ok(())
}

/// The five entities of XML and characters by number; nothing else.
fn resolved(reference: &BytesRef<'_>) -> Result<char, UnreadableDocument> {
    if let Some(character) = reference
        .resolve_char_ref()
        .map_err(|_| UnreadableDocument::Entities)?
    {
        return Ok(character);
    }
    match &*reference.xml10_content() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(UnreadableDocument::Entities),
    }
}

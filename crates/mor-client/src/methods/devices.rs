//! Devices.

use std::fmt;

use mor_hash::Call;
use telco_core::{Error, Secret};

use super::accounts::missing;
use crate::MorClient;
use crate::wire::Element;

/// One device. Only newer versions send more than number and type.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Its number.
    pub device_id: Option<String>,
    /// Such as `SIP`.
    pub device_type: Option<String>,
    /// Its login.
    pub username: Option<String>,
    /// Its password.
    pub secret: Option<Secret>,
    /// Its address.
    pub ipaddr: Option<String>,
    /// Its port.
    pub port: Option<String>,
    /// Whether it is the user's primary device.
    pub primary_device: Option<String>,
}

/// Without login and address: a login is often a number.
impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("device_id", &self.device_id)
            .field("device_type", &self.device_type)
            .field("primary_device", &self.primary_device)
            .finish_non_exhaustive()
    }
}

impl MorClient {
    /// The devices of a user.
    ///
    /// # Errors
    /// [`Error`], see [`read`](Self::read); [`ErrorKind::UnreadableAnswer`](telco_core::ErrorKind::UnreadableAnswer)
    /// without a list.
    pub async fn devices(&self, user_id: u64) -> Result<Vec<Device>, Error> {
        let page = self
            .read(&Call::new("devices_get").with("user_id", user_id.to_string()))
            .await?;
        let list = page.find("devices").ok_or_else(|| missing("devices_get"))?;
        Ok(list
            .children
            .iter()
            .filter(|child| child.name == "device")
            .map(Device::of)
            .collect())
    }
}

impl Device {
    fn of(element: &Element) -> Self {
        let field = |name| element.child(name).map(str::to_owned);
        Self {
            device_id: field("device_id"),
            device_type: field("device_type"),
            username: field("username"),
            secret: element.child("secret").map(Secret::new),
            ipaddr: field("ipaddr"),
            port: field("port"),
            primary_device: field("primary_device"),
        }
    }
}

//! How a sandbox starts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{broadcast, watch};

use crate::callback::{self, Callbacks};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::handset::Handsets;
use crate::history::History;
use crate::http::Limits;
use crate::ledger::Ledger;
use crate::room::Room;
use crate::sandbox::Sandbox;
use crate::shared::{Hosted, Shared};
use crate::{admin, rooms, serve};

/// How to start a [`Sandbox`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    pub(crate) seed: u64,
    pub(crate) listen: SocketAddr,
    pub(crate) rooms: Vec<Arc<dyn Room>>,
    pub(crate) limits: Limits,
    pub(crate) operations: usize,
    pub(crate) requests: usize,
    pub(crate) excerpt: usize,
    pub(crate) at: Option<SystemTime>,
    pub(crate) fixture: Option<Value>,
}

impl Builder {
    /// Decides everything that chance decides. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Address of the console; with a port other than 0 the providers follow on the next ports. Default `127.0.0.1:0`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Adds a room; without any, all built-in providers are there.
    pub fn room(mut self, room: impl Room) -> Self {
        self.rooms.push(Arc::new(room));
        self
    }

    /// The time at the start; it runs on from there.
    pub fn at(mut self, now: SystemTime) -> Self {
        self.at = Some(now);
        self
    }

    /// Limits of the HTTP side.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many operations and requests memory holds. Default 250,000 and 20,000. The sums count forgotten ones too.
    pub fn memory(mut self, operations: usize, requests: usize) -> Self {
        self.operations = operations;
        self.requests = requests;
        self
    }

    /// Settings, faults, listeners and time to begin with: `{"rooms": {"cowrie": {…}}, "faults": […], "listen": {…},
    /// "now_ms": …}`.
    pub fn fixture(mut self, fixture: Value) -> Self {
        self.fixture = Some(fixture);
        self
    }

    /// Opens the ports and starts to serve.
    ///
    /// # Errors
    ///
    /// When a port cannot be had, or the fixture is wrong.
    pub async fn start(self) -> io::Result<Sandbox> {
        let rooms = if self.rooms.is_empty() {
            rooms::all(self.seed)
        } else {
            self.rooms
        };
        let console = bind(self.listen)?;
        let mut hosted = Vec::new();
        let mut listeners = Vec::new();
        for (room, n) in rooms.into_iter().zip(1u16..) {
            let mut address = self.listen;
            if address.port() != 0 {
                address.set_port(address.port().saturating_add(n));
            }
            let listener = bind(address)?;
            let (down, _) = watch::channel(false);
            let (open, _) = watch::channel(true);
            hosted.push(Hosted {
                room,
                address: listener.local_addr()?,
                down,
                open,
            });
            listeners.push(listener);
        }
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            seed: self.seed,
            clock: Clock::default(),
            faults: Faults::new(self.seed),
            ledger: Ledger::new(self.operations),
            handsets: Handsets::default(),
            history: History::new(self.requests, self.excerpt),
            callbacks: Callbacks::default(),
            hosted,
            limits: self.limits,
            console: console.local_addr()?,
            events: broadcast::channel(1_024).0,
            at: self.at,
            fixture: self.fixture,
            stop: stopped,
        });
        if let Some(at) = self.at {
            shared.clock.set(at);
        }
        if let Some(fixture) = &shared.fixture {
            shared.load(fixture).map_err(io::Error::other)?;
        }
        let mut tasks = vec![
            tokio::spawn(callback::run(Arc::clone(&shared))),
            tokio::spawn(admin::serve(Arc::clone(&shared), console)),
        ];
        for (index, listener) in listeners.into_iter().enumerate() {
            tasks.push(tokio::spawn(serve::room(
                Arc::clone(&shared),
                index,
                listener,
            )));
        }
        Ok(Sandbox {
            shared,
            stop,
            tasks,
        })
    }
}

/// A listener whose port can be taken again at once after a shutdown.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1_024)
}

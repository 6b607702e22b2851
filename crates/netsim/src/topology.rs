//! The map: zones, what is attached to them, and who has which IP address.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::firewall::{Filter, Firewall};
use crate::link::{Link, Pipe};
use crate::nat::{Nat, Translator};
use crate::rng::Rng;

/// A network segment in which all can reach each other: the Internet, or what lies behind a NAT or a
/// firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(pub(crate) usize);

impl Zone {
    /// The outermost one.
    pub const INTERNET: Self = Self(0);
}

/// A plug in a zone: of a host, or of one side of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PortId(pub(crate) usize);

/// Who is behind a plug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Host(usize),
    /// The outer side of the gateway of this zone.
    GatewayOf(Zone),
    /// The inner side of the gateway of its own zone.
    WayOut,
    /// Nobody: where injected datagrams come from.
    Injector,
}

pub(crate) struct Port {
    pub(crate) owner: Owner,
    pub(crate) zone: Zone,
    pub(crate) name: Arc<str>,
    pub(crate) up: Option<Pipe>,
    pub(crate) down: Option<Pipe>,
}

pub(crate) struct ZoneState {
    pub(crate) name: Arc<str>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) injector: PortId,
    /// It tells who sends to nobody.
    pub(crate) reports_unreachable: bool,
    link: Link,
    paths: BTreeMap<(PortId, PortId), Path>,
    routes: BTreeMap<IpAddr, PortId>,
}

pub(crate) struct Gateway {
    pub(crate) device: Device,
    pub(crate) inside: PortId,
    pub(crate) outside: PortId,
}

pub(crate) enum Device {
    Nat {
        translator: Box<Translator>,
        /// It passes IPv6 as it is.
        transparent: bool,
    },
    Firewall(Filter),
}

impl Device {
    /// Whether those around it can route to this address behind it. Link-local addresses end at their link
    /// (RFC 4291 §2.5.6).
    fn shows(&self, address: IpAddr) -> bool {
        !is_link_local(address)
            && match self {
                Self::Firewall(_) => true,
                Self::Nat { transparent, .. } => *transparent && address.is_ipv6(),
            }
    }
}

/// `fe80::/10` (RFC 4291 §2.5.6): the same address may exist in each zone.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The way from one plug to another one in the same zone.
struct Path {
    pipe: Pipe,
    /// It has a link of its own, which the zone's does not change.
    pinned: bool,
}

pub(crate) struct Topology {
    seed: u64,
    pub(crate) zones: Vec<ZoneState>,
    pub(crate) ports: Vec<Port>,
}

impl Topology {
    pub(crate) fn new(seed: u64) -> Self {
        let mut topology = Self {
            seed,
            zones: Vec::new(),
            ports: Vec::new(),
        };
        topology.add_zone("internet".into());
        topology
    }

    pub(crate) fn add_nat(&mut self, outer: Zone, nat: Nat) -> Zone {
        let zone = self.add_zone(format!("nat{}", self.zones.len()).into());
        let addresses = nat.addresses().to_vec();
        let [udp, tcp] = [0, 1].map(|table| self.stream(Stream::Nat, zone.0, table));
        let transparent = nat.is_nat64();
        let translator = Box::new(Translator::new(&nat, udp, tcp));
        let outside = self.add_gateway(
            zone,
            outer,
            Device::Nat {
                translator,
                transparent,
            },
        );
        for address in addresses {
            self.announce(address, outside);
        }
        zone
    }

    pub(crate) fn add_firewall(&mut self, outer: Zone, firewall: Firewall) -> Zone {
        let zone = self.add_zone(format!("firewall{}", self.zones.len()).into());
        self.add_gateway(zone, outer, Device::Firewall(Filter::new(firewall)));
        zone
    }

    /// The plug of a host in a zone; the same one each time.
    pub(crate) fn host_port(&mut self, host: usize, zone: Zone, name: &Arc<str>) -> PortId {
        let owner = Owner::Host(host);
        let known = |port: &Port| port.owner == owner && port.zone == zone;
        match self.ports.iter().position(known) {
            Some(index) => PortId(index),
            None => self.add_port(owner, zone, name.clone()),
        }
    }

    /// Makes an address reachable through a port: in its zone, and through firewalls in those around.
    pub(crate) fn announce(&mut self, address: IpAddr, port: PortId) {
        let zone = self.zone_mut(self.ports[port.0].zone);
        let holder = *zone.routes.entry(address).or_insert(port);
        if holder != port {
            let (zone, holder) = (zone.name.clone(), &self.ports[holder.0].name);
            panic!("{address} is taken in zone {zone} by {holder}");
        }
        if let Some(outside) = self.gateway_that_shows(address, port) {
            self.announce(address, outside);
        }
    }

    pub(crate) fn withdraw(&mut self, address: IpAddr, port: PortId) {
        self.zone_mut(self.ports[port.0].zone).routes.remove(&address);
        if let Some(outside) = self.gateway_that_shows(address, port) {
            self.withdraw(address, outside);
        }
    }

    /// Where a datagram that `from` puts into its zone goes next.
    pub(crate) fn route(&self, from: PortId, destination: SocketAddr) -> Option<PortId> {
        let zone = self.zone(self.ports[from.0].zone);
        if let Some(port) = zone.routes.get(&destination.ip()) {
            return Some(*port);
        }
        let way_out = zone.gateway.as_ref()?.inside;
        (way_out != from && !is_link_local(destination.ip())).then_some(way_out)
    }

    pub(crate) fn zone(&self, zone: Zone) -> &ZoneState {
        &self.zones[zone.0]
    }

    pub(crate) fn zone_mut(&mut self, zone: Zone) -> &mut ZoneState {
        let count = self.zones.len();
        let known = self.zones.get_mut(zone.0);
        known.unwrap_or_else(|| panic!("zone {} of {count} is of another network", zone.0))
    }

    /// The pipe between two plugs of a zone; `None` if it is perfect.
    pub(crate) fn path_mut(&mut self, from: PortId, to: PortId) -> Option<&mut Pipe> {
        let seed = self.seed;
        let zone = self.zone_mut(self.ports[from.0].zone);
        if zone.link == Link::new() && zone.paths.is_empty() {
            return None;
        }
        let link = zone.link;
        let path = zone.paths.entry((from, to)).or_insert_with(|| Path {
            pipe: Pipe::new(link, stream(seed, Stream::Path, from.0, to.0)),
            pinned: false,
        });
        Some(&mut path.pipe)
    }

    pub(crate) fn set_zone_link(&mut self, zone: Zone, link: Link) {
        let zone = self.zone_mut(zone);
        zone.link = link;
        for path in zone.paths.values_mut().filter(|path| !path.pinned) {
            path.pipe.set_link(link);
        }
    }

    pub(crate) fn set_path(&mut self, from: PortId, to: PortId, link: Link) {
        let rng = self.stream(Stream::Path, from.0, to.0);
        let zone = self.zone_mut(self.ports[from.0].zone);
        let path = zone.paths.entry((from, to)).or_insert_with(|| Path {
            pipe: Pipe::new(link, rng),
            pinned: true,
        });
        path.pinned = true;
        path.pipe.set_link(link);
    }

    pub(crate) fn set_uplink(&mut self, port: PortId, link: Link) {
        let rng = self.stream(Stream::Up, port.0, 0);
        let pipe = self.ports[port.0].up.get_or_insert(Pipe::new(link, rng));
        pipe.set_link(link);
    }

    pub(crate) fn set_downlink(&mut self, port: PortId, link: Link) {
        let rng = self.stream(Stream::Down, port.0, 0);
        let pipe = self.ports[port.0].down.get_or_insert(Pipe::new(link, rng));
        pipe.set_link(link);
    }

    /// The largest packet that fits through both links of this port.
    pub(crate) fn mtu(&self, port: PortId) -> usize {
        let port = &self.ports[port.0];
        let pipes = [&port.up, &port.down];
        let mtus = pipes.into_iter().flatten().map(Pipe::mtu);
        mtus.min().unwrap_or(usize::MAX)
    }

    pub(crate) fn set_zone_name(&mut self, zone: Zone, name: &Arc<str>) {
        let state = self.zone_mut(zone);
        state.name = name.clone();
        let injector = state.injector;
        self.ports[injector.0].name = name.clone();
    }

    fn add_zone(&mut self, name: Arc<str>) -> Zone {
        let zone = Zone(self.zones.len());
        let injector = self.add_port(Owner::Injector, zone, name.clone());
        self.zones.push(ZoneState {
            name,
            gateway: None,
            injector,
            reports_unreachable: false,
            link: Link::new(),
            paths: BTreeMap::new(),
            routes: BTreeMap::new(),
        });
        zone
    }

    /// Puts a gateway between a new zone and the one around it; gives its outer plug.
    fn add_gateway(&mut self, zone: Zone, outer: Zone, device: Device) -> PortId {
        let name = self.zone(zone).name.clone();
        let inside = self.add_port(Owner::WayOut, zone, name.clone());
        let outside = self.add_port(Owner::GatewayOf(zone), outer, name);
        self.zone_mut(zone).gateway = Some(Gateway {
            device,
            inside,
            outside,
        });
        outside
    }

    fn add_port(&mut self, owner: Owner, zone: Zone, name: Arc<str>) -> PortId {
        let id = PortId(self.ports.len());
        self.ports.push(Port {
            owner,
            zone,
            name,
            up: None,
            down: None,
        });
        id
    }

    /// The outer plug of the gateway around the zone of this port, if the address is seen through it.
    fn gateway_that_shows(&self, address: IpAddr, port: PortId) -> Option<PortId> {
        let gateway = self.zone(self.ports[port.0].zone).gateway.as_ref()?;
        gateway.device.shows(address).then_some(gateway.outside)
    }

    fn stream(&self, stream: Stream, first: usize, second: usize) -> Rng {
        self::stream(self.seed, stream, first, second)
    }
}

fn stream(seed: u64, stream: Stream, first: usize, second: usize) -> Rng {
    Rng::stream(seed, [stream as u64, first as u64, second as u64])
}

/// What a generator is for.
#[derive(Clone, Copy)]
enum Stream {
    Nat,
    Path,
    Up,
    Down,
}

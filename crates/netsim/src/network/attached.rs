//! What has an uplink, a downlink and a name.

use core::net::SocketAddr;
use std::sync::Arc;

use super::Network;
use crate::host::Host;
use crate::topology::{PortId, Zone};

/// A host, or a zone that stands for its gateway: whatever is attached to a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attached(Inner);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Inner {
    Host(usize),
    GatewayOf(Zone),
}

impl<M> From<Host<M>> for Attached {
    fn from(host: Host<M>) -> Self {
        Self(Inner::Host(host.index))
    }
}

impl From<Zone> for Attached {
    fn from(zone: Zone) -> Self {
        Self(Inner::GatewayOf(zone))
    }
}

impl Attached {
    /// All its ports, on both sides of a gateway.
    pub(super) fn ports(self, network: &Network) -> Vec<PortId> {
        match self.0 {
            Inner::Host(host) => host_ports(&network.hosts[host].sockets),
            Inner::GatewayOf(zone) => {
                let gateway = network.topology.zone(zone).gateway.as_ref();
                let sides = gateway.map(|gateway| [gateway.inside, gateway.outside]);
                sides.into_iter().flatten().collect()
            }
        }
    }

    /// The ports that its uplink and downlink belong to.
    pub(super) fn plugs(self, network: &Network) -> Vec<PortId> {
        match self.0 {
            Inner::Host(_) => self.ports(network),
            Inner::GatewayOf(zone) => {
                let gateway = network.topology.zone(zone).gateway.as_ref();
                gateway.map(|gateway| gateway.outside).into_iter().collect()
            }
        }
    }

    pub(super) fn set_name(self, network: &mut Network, name: &Arc<str>) {
        for port in self.ports(network) {
            network.topology.ports[port.0].name = name.clone();
        }
        match self.0 {
            Inner::Host(host) => network.hosts[host].name = name.clone(),
            Inner::GatewayOf(zone) => network.topology.set_zone_name(zone, name),
        }
    }
}

fn host_ports(sockets: &[(SocketAddr, PortId)]) -> Vec<PortId> {
    let mut ports: Vec<PortId> = sockets.iter().map(|(_, port)| *port).collect();
    ports.sort();
    ports.dedup();
    ports
}

"""Forwarding (register I05): a station of ours is connected, through us, to its maker's or another operator's back end as well.

To the station there is one Central System: we. To each foreign back end we are the station: one OCPP connection for each, opened by us.

    station --call--> language, sink (durable) --> outbox (durable) --> answer to the station
                                                     outbox --> link --call--> back end
    station <--call-- rules <--call-- link <-- back end;  its charging profiles go into the limit book instead

`settings` says who they are and what they may do, `rules` knows every action, `posting` writes down what the station says for whom it concerns,
`older` does so for a 2.x station at a back end of 1.6, `outbox` keeps what waits, `link` is one connection and `line` its socket, `cards` asks who
accepts a card, `commands` deals with what back ends ask, `profiles` makes limits of their charging profiles, `forwarder` joins it all.
"""

from chargebridge.stations.ocpp.forward.commands import LimitDesk, Point
from chargebridge.stations.ocpp.forward.forwarder import Forwarder
from chargebridge.stations.ocpp.forward.link import LinkState
from chargebridge.stations.ocpp.forward.settings import BackendSettings

__all__ = ["BackendSettings", "Forwarder", "LimitDesk", "LinkState", "Point"]

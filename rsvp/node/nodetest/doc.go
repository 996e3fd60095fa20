// Package nodetest is a small network in virtual time for tests of rsvp/node:
// hosts, routers and routers without RSVP on broadcast segments, with shortest
// unicast paths, source-rooted multicast trees, loss and link failures. The
// same construction and seed give the same messages.
//
// What is not here: IP itself. Messages travel as (source, destination, TTL,
// Router Alert, payload); nothing is fragmented and no link is ever full.
package nodetest

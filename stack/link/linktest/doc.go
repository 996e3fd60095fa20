// Package linktest is the test that every link passes, and what tests of links
// need.
//
// [Run] takes a way to open two connected links and says what holds on any
// medium: bytes arrive as sent, groups are heard, own frames are not, batches
// keep their order, what is too long is refused or counted, Close ends a Recv.
// [RunPacket] takes a way to open a packet socket and adds what holds on the
// kernel's interfaces: filter, link down and up, removal, offloads, drops. It
// needs root; its callers have the build tag netns.
package linktest

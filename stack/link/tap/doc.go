// Package tap is a link whose other end is a TAP device: what the link sends
// arrives at the device, and what the device's namespace sends on it is
// received. The device is the other side's port, a router's for example; the
// stack on the link has an address of its own. The device lives as long as the
// link, or the last of its links where it has several queues.
//
// The kernel cuts and completes what it hands over: there are no offloads to
// trap a reader.
//
// What is not here: TUN (no Ethernet), offloads, batches (a TAP descriptor
// gives one frame a call).
package tap

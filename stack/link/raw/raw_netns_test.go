//go:build netns

package raw_test

import (
	"testing"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/stack/link/linktest"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/wire"
)

// with opens links with options.
func with(o raw.Options) linktest.OpenPacket {
	return func(ns *netns.NS, ifname string) (link.Reader, error) {
		o.Port = linktest.PortName(ns, ifname)
		return linktest.Opened(raw.Open(ns, ifname, o))
	}
}

func TestLink(t *testing.T) { linktest.RunPacket(t, with(raw.Options{})) }

func TestWrapped(t *testing.T) {
	linktest.Run(t, linktest.Open(with(raw.Options{}).Pair).Wrap(func(l link.Reader) link.Reader {
		return fault.NewReader(tee.NewReader(l, func(wire.Frame) {}), fault.New(), nil)
	}))
}

func TestMendOffloads(t *testing.T) {
	linktest.TestMending(t, with(raw.Options{MendOffloads: true}))
}

func TestWithoutPrivilege(t *testing.T) {
	linktest.TestPrivilege(t, func(weak linktest.Weak, ifname string) error {
		_, err := raw.Open(weak, ifname, raw.Options{})
		return err
	})
}

// What the doc says of offloads that were not switched off.
func TestAnyOffloads(t *testing.T) {
	s := linktest.NewKernelSender(t, true)
	b := with(raw.Options{AnyOffloads: true}).On(t, s.Peer)
	s.WriteSegments(t, 4096, 1000) // longer than the MTU
	s.Write(t, "plain")
	if d := linktest.RecvUDP(t, b); string(d.Payload) != "plain" || d.Err == nil {
		t.Errorf("received %q with its checksum, %v", d.Payload, d.Err)
	}
	if c, _ := link.CountersOf(b); c.SuperFrames != 1 {
		t.Errorf("%+v", c)
	}
}

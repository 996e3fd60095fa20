package dissect

import (
	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
)

// scratch is what a decoder keeps between frames beside the tree.
type scratch struct {
	igmp igmp.Message
	mpj  mpj.Message
	rsvp rsvp.Message

	fields []rsvp.Field
	names  map[string]string // FieldName's answers
}

// Dissect makes t the tree of a frame that starts with a header of the link
// type. Of link types other than Ethernet the frame is one layer of data.
func (t *Tree) Dissect(link capture.LinkType, frame []byte) {
	t.reset()
	d := builder{Tree: t, b: frame}
	if link == capture.LinkTypeEthernet {
		d.ethernet()
	} else {
		d.data(0, len(frame))
	}
	d.padding()
	t.finish()
}

// padding adds what follows the last layer: what a link added to a short
// packet.
func (d *builder) padding() {
	if len(d.Layers) == 0 {
		return
	}
	l := d.current()
	if at := l.Offset + l.Length; at < len(d.b) {
		d.data(at, len(d.b))
		d.kind("padding")
	}
}

// Frame returns the tree of an Ethernet frame.
func Frame(frame []byte) *Tree {
	t := new(Tree)
	t.Dissect(capture.LinkTypeEthernet, frame)
	return t
}

func (d *builder) ethernet() {
	h, payload, err := inet.ParseEthernet(d.b)
	if err != nil {
		d.fail(LayerEthernet, 0, err)
		d.data(0, len(d.b))
		return
	}
	d.layer(LayerEthernet, 0)
	d.mac("dst", 0)
	d.mac("src", 6)
	at := len(d.b) - len(payload)
	for i := range h.Tags {
		if h.Tags[i].Type == 0 {
			break
		}
		d.vlan(inet.HeaderLenEthernet+4*i, h.Tags[i])
	}
	d.hex("type", at-2, 2)
	if !h.Type.IsLength() {
		d.text(h.Type.String())
	}
	d.end(at)
	switch h.Type {
	case inet.EtherTypeIPv4:
		d.ipv4(at)
	case inet.EtherTypeIPv6:
		d.ipv6(at)
	case inet.EtherTypeARP:
		d.arp(at)
	default:
		d.data(at, len(d.b))
	}
}

// vlan adds a tag whose TCI is at an offset; its type stands before it.
func (d *builder) vlan(at int, tag inet.Tag) {
	d.hex("tag_type", at-2, 2)
	d.text(tag.Type.String())
	d.field("priority", at, 1, Uint(uint64(tag.TCI>>13)))
	d.flag("drop_eligible", at, 0x10)
	d.field("vlan", at, 2, Uint(uint64(tag.VLAN())))
}

func (d *builder) arp(at int) {
	a, err := inet.ParseARP(d.b[at:])
	if err != nil {
		d.fail(LayerARP, at, err)
		d.data(at, len(d.b))
		return
	}
	d.layer(LayerARP, at)
	d.uint("hardware_type", at, 2)
	d.hex("protocol_type", at+2, 2)
	d.uint("hardware_length", at+4, 1)
	d.uint("protocol_length", at+5, 1)
	d.uint("op", at+6, 2)
	switch a.Op {
	case inet.ARPRequest:
		d.kind("request")
	case inet.ARPReply:
		d.kind("reply")
	}
	d.mac("sender_mac", at+8)
	d.addr4("sender_ip", at+14)
	d.mac("target_mac", at+18)
	d.addr4("target_ip", at+24)
	d.end(at + inet.ARPLen)
}

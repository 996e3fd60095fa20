package nic

import (
	"golang.org/x/net/bpf"

	"github.com/mpstack/mpstack/wire/inet"
)

// packetOutgoing is PACKET_OUTGOING of <linux/if_packet.h>, the type of frames
// that this host sends.
const packetOutgoing = 4

// verdicts of a filter: how many bytes to keep.
const (
	drop   = 0
	accept = 1 << 18
)

// Filter is the program, assembled, by which a packet socket for all protocols
// takes ARP, IPv4 and IPv6 of what comes in: nothing that this host sends, be it
// by this socket, by another or by the kernel, and nothing that came with a
// VLAN tag unless tagged says so.
func Filter(tagged bool) ([]bpf.RawInstruction, error) {
	program := incoming()
	types := []inet.EtherType{inet.EtherTypeIPv4, inet.EtherTypeIPv6, inet.EtherTypeARP}
	if tagged {
		types = append(types, inet.EtherTypeVLAN, inet.EtherTypeQinQ)
	} else {
		program = append(program, untagged()...)
	}
	return bpf.Assemble(append(program, etherTypes(types...)...))
}

// incoming drops what this host sends. The load is one of Linux's extensions
// to BPF.
func incoming() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: packetOutgoing, SkipTrue: 1},
		bpf.RetConstant{Val: drop},
	}
}

// untagged drops frames that came with a VLAN tag: the kernel takes the
// outermost tag off, so they would look like untagged ones.
func untagged() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: drop},
	}
}

// etherTypes accepts the given types and drops the rest. A frame that is too
// short for the load is dropped by definition of BPF.
func etherTypes(types ...inet.EtherType) []bpf.Instruction {
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: 12, Size: 2}}
	for i, t := range types {
		toAccept := uint8(len(types) - i) // over the other types and the drop
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(t), SkipTrue: toAccept})
	}
	return append(program, bpf.RetConstant{Val: drop}, bpf.RetConstant{Val: accept})
}

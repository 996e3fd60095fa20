package raw

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

// guard drops what this host sends, be it by this socket, by another or by the
// kernel, and frames that came with a VLAN tag: the kernel takes the tag off, so
// they would look like untagged ones. It consists of Linux's extensions to BPF.
func guard() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: packetOutgoing, SkipTrue: 1},
		bpf.RetConstant{Val: drop},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: drop},
	}
}

// etherTypes accepts ARP, IPv4 and IPv6 and drops the rest. A frame that is too
// short for the load is dropped by definition of BPF.
func etherTypes() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(inet.EtherTypeIPv4), SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(inet.EtherTypeIPv6), SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(inet.EtherTypeARP), SkipTrue: 1},
		bpf.RetConstant{Val: drop},
		bpf.RetConstant{Val: accept},
	}
}

// filter is the whole program, assembled.
func filter() ([]bpf.RawInstruction, error) {
	return bpf.Assemble(append(guard(), etherTypes()...))
}

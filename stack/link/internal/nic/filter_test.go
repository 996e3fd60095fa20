package nic

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/mpstack/mpstack/wire/inet"
)

var types = []inet.EtherType{inet.EtherTypeIPv4, inet.EtherTypeIPv6, inet.EtherTypeARP}

// vm runs the part of the filter that is not Linux's own. The rest is tested
// in the kernel.
func vm(t testing.TB, types ...inet.EtherType) *bpf.VM {
	t.Helper()
	v, err := bpf.NewVM(etherTypes(types...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func frame(etherType uint16, n int) []byte {
	b := make([]byte, n)
	binary.BigEndian.PutUint16(b[12:], etherType)
	return b
}

func TestEtherTypes(t *testing.T) {
	v, tagged := vm(t, types...), vm(t, append(types, inet.EtherTypeVLAN, inet.EtherTypeQinQ)...)
	tests := []struct {
		name         string
		frame        []byte
		want, tagged bool
	}{
		{"ARP", frame(0x0806, 42), true, true},
		{"IPv4", frame(0x0800, 1514), true, true},
		{"IPv6", frame(0x86dd, 1514), true, true},
		{"a super-frame, to be counted", frame(0x0800, 65550), true, true},
		{"a bare header", frame(0x0800, 14), true, true},
		{"VLAN", frame(0x8100, 60), false, true},
		{"QinQ", frame(0x88a8, 60), false, true},
		{"LLDP", frame(0x88cc, 60), false, false},
		{"bytes swapped", frame(0x0008, 60), false, false},
		{"IEEE 802.3", frame(46, 60), false, false},
		{"short", frame(0x0800, 14)[:13], false, false},
		{"empty", nil, false, false},
	}
	for _, tt := range tests {
		for v, want := range map[*bpf.VM]bool{v: tt.want, tagged: tt.tagged} {
			n, err := v.Run(tt.frame)
			if err != nil || (n > 0) != want || want && n < len(tt.frame) {
				t.Errorf("%s: keeps %d of %d bytes, %v; want %v", tt.name, n, len(tt.frame), err, want)
			}
		}
	}
}

func TestFilterAssembles(t *testing.T) {
	for tagged, want := range map[bool]int{
		false: len(incoming()) + len(untagged()) + 3 + 3,
		true:  len(incoming()) + 3 + 5,
	} {
		program, err := Filter(tagged)
		if err != nil || len(program) != want {
			t.Errorf("tagged %v: %d instructions, %v; want %d", tagged, len(program), err, want)
		}
	}
	// Every path through the guards ends in a drop or in front of the rest.
	insts := append(incoming(), untagged()...)
	for i, in := range insts {
		j, ok := in.(bpf.JumpIf)
		if !ok {
			continue
		}
		if _, ok := insts[i+1].(bpf.RetConstant); !ok || j.SkipTrue != 1 || j.SkipFalse != 0 {
			t.Errorf("instruction %d, %v, jumps elsewhere", i, j)
		}
	}
}

func FuzzEtherTypes(f *testing.F) {
	for _, t := range []uint16{0x0800, 0x0806, 0x86dd, 0x8100} {
		f.Add(frame(t, 60))
	}
	f.Add([]byte{1, 2, 3})
	v := vm(f, types...)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := v.Run(b)
		if err != nil {
			t.Fatal(err)
		}
		want := false
		if h, _, err := inet.ParseEthernet(b); err == nil && h.Tags[0].Type == 0 {
			want = h.Type == inet.EtherTypeARP || h.Type == inet.EtherTypeIPv4 || h.Type == inet.EtherTypeIPv6
		}
		// a truncated tag does not parse, and is no type that we take
		if (n > 0) != want {
			t.Errorf("%x: keeps %d bytes, want %v", b, n, want)
		}
	})
}

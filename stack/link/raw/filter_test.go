package raw

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/mpstack/mpstack/wire/inet"
)

// vm runs the part of the filter that is not Linux's own. The rest is tested
// in the kernel.
func vm(t testing.TB) *bpf.VM {
	t.Helper()
	v, err := bpf.NewVM(etherTypes())
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
	v := vm(t)
	tests := []struct {
		name  string
		frame []byte
		want  bool
	}{
		{"ARP", frame(0x0806, 42), true},
		{"IPv4", frame(0x0800, 1514), true},
		{"IPv6", frame(0x86dd, 1514), true},
		{"a super-frame, to be counted", frame(0x0800, 65550), true},
		{"a bare header", frame(0x0800, 14), true},
		{"VLAN", frame(0x8100, 60), false},
		{"LLDP", frame(0x88cc, 60), false},
		{"bytes swapped", frame(0x0008, 60), false},
		{"IEEE 802.3", frame(46, 60), false},
		{"short", frame(0x0800, 14)[:13], false},
		{"empty", nil, false},
	}
	for _, tt := range tests {
		n, err := v.Run(tt.frame)
		if err != nil || (n > 0) != tt.want || tt.want && n < len(tt.frame) {
			t.Errorf("%s: keeps %d of %d bytes, %v", tt.name, n, len(tt.frame), err)
		}
	}
}

func TestFilterAssembles(t *testing.T) {
	program, err := filter()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(guard()) + len(etherTypes()); len(program) != want {
		t.Errorf("%d instructions, want %d", len(program), want)
	}
	// Every path through the guard ends in a drop or in front of the rest.
	insts := guard()
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
	v := vm(f)
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

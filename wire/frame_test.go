package wire_test

import (
	"testing"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

func TestDirNames(t *testing.T) {
	for d, want := range map[wire.Dir]string{wire.DirUnknown: "unknown", wire.DirIn: "in", wire.DirOut: "out", 9: "unknown"} {
		if got := d.String(); got != want {
			t.Errorf("%d is %q, want %q", uint8(d), got, want)
		}
	}
}

func TestComment(t *testing.T) {
	for _, tt := range []struct {
		cause machine.Cause
		fate  string
		want  string
	}{{"", "", ""}, {"mpj/join", "", "mpj/join"}, {"", "lost", "lost"}, {"mpj/join", "lost", "mpj/join; lost"}} {
		if got := (wire.Frame{Cause: tt.cause, Fate: tt.fate}).Comment(); got != tt.want {
			t.Errorf("%q and %q: %q, want %q", tt.cause, tt.fate, got, tt.want)
		}
	}
}

func TestClone(t *testing.T) {
	f := wire.Frame{Data: []byte{1, 2, 3}, At: 7, Port: "a/b", Dir: wire.DirOut, Cause: "c/d", Fate: "lost"}
	own := f.Clone()
	f.Data[0] = 9
	if own.Data[0] != 1 || len(own.Data) != 3 {
		t.Errorf("the clone's bytes are % x", own.Data)
	}
	if own.At != 7 || own.Port != "a/b" || own.Dir != wire.DirOut || own.Cause != "c/d" || own.Fate != "lost" {
		t.Errorf("%+v", own)
	}
}

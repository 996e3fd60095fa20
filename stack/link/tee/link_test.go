package tee_test

import (
	"sync/atomic"
	"testing"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/linktest"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/wire"
)

func TestLink(t *testing.T) {
	var seen atomic.Int64
	linktest.Run(t, linktest.Open(linktest.OnMem).Wrap(func(l link.Reader) link.Reader {
		return tee.NewReader(l, func(wire.Frame) { seen.Add(1) })
	}))
	if seen.Load() == 0 {
		t.Error("nothing was shown")
	}
}

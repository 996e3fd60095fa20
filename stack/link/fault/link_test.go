package fault_test

import (
	"testing"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/stack/link/linktest"
)

func TestLink(t *testing.T) {
	linktest.Run(t, linktest.Open(linktest.OnMem).Wrap(func(l link.Reader) link.Reader {
		return fault.NewReader(l, fault.New(), nil)
	}))
}

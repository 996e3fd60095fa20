package mem_test

import (
	"testing"

	"github.com/mpstack/mpstack/stack/link/linktest"
)

func TestLink(t *testing.T) { linktest.Run(t, linktest.OnMem) }

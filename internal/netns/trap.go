package netns

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
)

// trap is an interface whose offloads spoil what packet sockets see.
type trap struct {
	ifname string
	on     Offloads // those that do
	guess  bool     // it stands for the other end of the veth as well, which we cannot see
}

// traps looks for the traps of packet sockets on ifname: frames that are
// merged on arrival, and where it is one end of a veth, what the other end
// sends without checksum or uncut. Where that is in another namespace this end
// speaks for it: who left one end as the kernel made it did so with the other.
func (n *NS) traps(ifname string) ([]trap, error) {
	own, err := n.Offloads(ifname)
	if err != nil {
		return nil, err
	}
	peer, veth, err := n.vethPeer(ifname)
	if err != nil {
		return nil, err
	}
	candidates := []trap{{ifname: ifname, on: own.Receiving()}}
	switch {
	case veth && peer == "":
		candidates[0].on = own.Sending().or(own.Receiving())
		candidates[0].guess = true
	case veth:
		other, err := n.Offloads(peer)
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, trap{ifname: peer, on: other.Sending()})
	}
	var found []trap
	for _, t := range candidates {
		if t.on.Any() {
			found = append(found, t)
		}
	}
	return found, nil
}

// vethPeer reports whether ifname is one end of a veth pair, and the other
// end's name where that is in the same namespace.
func (n *NS) vethPeer(ifname string) (peer string, veth bool, err error) {
	err = n.link("looking at", ifname, func(h *netlink.Handle, l netlink.Link) error {
		if veth = l.Type() == "veth"; !veth || l.Attrs().NetNsID >= 0 || l.Attrs().ParentIndex == 0 {
			return nil
		}
		other, err := h.LinkByIndex(l.Attrs().ParentIndex)
		if err != nil {
			return fmt.Errorf("its peer: %w", err)
		}
		peer = other.Attrs().Name
		return nil
	})
	return peer, veth, err
}

// CheckOffloads returns an error, with the commands that mend it, where
// offloads spoil what packet sockets on an interface see: frames that are merged
// on arrival, and on a veth also what the other end sends without checksum, or
// uncut. The other end is looked at where it is in the same namespace;
// elsewhere this end's settings stand for it. What a bridge passes on from
// further interfaces cannot be told here.
func (n *NS) CheckOffloads(ifname string) error {
	traps, err := n.traps(ifname)
	if err != nil || len(traps) == 0 {
		return err
	}
	var what, commands []string
	for _, t := range traps {
		what = append(what, fmt.Sprintf("%s (%s)", t.ifname, t.on))
		c := OffloadCommand(t.ifname)
		if t.guess {
			c += ", and the same for the other end of the veth"
		}
		commands = append(commands, c)
	}
	return fmt.Errorf("netns: %s: offloads are on that spoil packet sockets on %s: %s; run: %s",
		n.Name(), ifname, strings.Join(what, ", "), strings.Join(commands, "; "))
}

// MendOffloads switches off what CheckOffloads finds. It needs CAP_NET_ADMIN,
// unless there is nothing to do. Where the other end of a veth is in another
// namespace, both ends' sending is left to the owner, who has the command from
// CheckOffloads.
func (n *NS) MendOffloads(ifname string) error {
	traps, err := n.traps(ifname)
	if err != nil {
		return err
	}
	err = n.Do(func() error {
		var errs []error
		for _, t := range traps {
			if t.guess { // changing the evidence would mend nothing
				t.on = t.on.Receiving()
			}
			errs = append(errs, disableOffloads(t.ifname, t.on))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return n.failed("offloads that spoil packet sockets on "+ifname, err)
	}
	return nil
}

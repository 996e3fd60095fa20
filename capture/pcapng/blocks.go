package pcapng

import (
	"fmt"

	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

// section starts a new section: its interfaces are its own.
func (r *Reader) section(b []byte) error {
	if len(b) < sectionFixed {
		return r.short(b)
	}
	if major := r.order.Uint16(b[4:]); major != versionMajor {
		return r.fail("major version", 12, fmt.Errorf("%d: %w", major, ErrVersion))
	}
	r.interfaces = r.interfaces[:0]
	return r.options(b, sectionFixed, func(uint16, []byte, int) error { return nil })
}

// description adds an interface to the section.
func (r *Reader) description(b []byte) error {
	if len(b) < interfaceFixed {
		return r.short(b)
	}
	if len(r.interfaces) >= MaxInterfaces {
		return r.fail("number", 0, fmt.Errorf("more than %d interfaces: %w", MaxInterfaces, object.ErrTooLong))
	}
	in := &Interface{LinkType: r.order.Uint16(b), SnapLen: r.order.Uint32(b[4:]), clock: microseconds}
	err := r.options(b, interfaceFixed, func(code uint16, v []byte, at int) error {
		return r.interfaceOption(in, code, v, at)
	})
	if err != nil {
		return err
	}
	r.interfaces = append(r.interfaces, in)
	return nil
}

func (r *Reader) interfaceOption(in *Interface, code uint16, v []byte, at int) error {
	switch code {
	case optIfName:
		if len(v) > MaxName {
			return r.fail("if_name", at, fmt.Errorf("%d bytes: %w", len(v), object.ErrTooLong))
		}
		in.Name = string(v)
	case optIfTsResol:
		if len(v) != 1 {
			return r.fail("if_tsresol", at, fmt.Errorf("%d bytes: %w", len(v), object.ErrLength))
		}
		if err := in.clock.set(v[0]); err != nil {
			return r.fail("if_tsresol", at, err)
		}
	case optIfTsOffset:
		if len(v) != 8 {
			return r.fail("if_tsoffset", at, fmt.Errorf("%d bytes: %w", len(v), object.ErrLength))
		}
		in.clock.offset = int64(r.order.Uint64(v))
	}
	return nil
}

// enhanced reads an enhanced packet block.
func (r *Reader) enhanced(b []byte) (Packet, error) {
	if len(b) < enhancedFixed {
		return Packet{}, r.short(b)
	}
	return r.packet(b, int64(r.order.Uint32(b)))
}

// obsolete reads a packet block of old writers: like an enhanced one, but for
// the interface's 16 bits.
func (r *Reader) obsolete(b []byte) (Packet, error) {
	if len(b) < packetFixed {
		return Packet{}, r.short(b)
	}
	return r.packet(b, int64(r.order.Uint16(b)))
}

// packet reads what enhanced and obsolete packet blocks share.
func (r *Reader) packet(b []byte, id int64) (Packet, error) {
	p := Packet{Offset: r.offset}
	if err := r.lookup(&p, id); err != nil {
		return Packet{}, err
	}
	at, err := p.Interface.clock.time(uint64(r.order.Uint32(b[4:]))<<32 | uint64(r.order.Uint32(b[8:])))
	if err != nil {
		return Packet{}, r.fail("time", 12, err)
	}
	p.At = at
	captured, orig := int64(r.order.Uint32(b[12:])), int64(r.order.Uint32(b[16:]))
	if err := r.data(&p, b[enhancedFixed:], 20, captured, orig); err != nil {
		return Packet{}, err
	}
	r.comment = r.comment[:0]
	err = r.options(b, enhancedFixed+padded(len(p.Data)), func(code uint16, v []byte, at int) error {
		return r.packetOption(&p, code, v, at)
	})
	p.Comment = string(r.comment)
	return p, err
}

func (r *Reader) packetOption(p *Packet, code uint16, v []byte, at int) error {
	switch code {
	case optComment:
		if len(r.comment) > 0 {
			r.comment = append(r.comment, '\n')
		}
		r.comment = append(r.comment, v...)
	case optPacketFlags:
		if len(v) != 4 {
			return r.fail("flags", at, fmt.Errorf("%d bytes: %w", len(v), object.ErrLength))
		}
		p.Dir = direction(r.order.Uint32(v))
	}
	return nil
}

func direction(flags uint32) wire.Dir {
	switch flags & flagsDirection {
	case flagsInbound:
		return wire.DirIn
	case flagsOutbound:
		return wire.DirOut
	}
	return wire.DirUnknown
}

// simple reads a simple packet block: it belongs to interface 0, has no time
// and no options, and its captured length follows from the snapshot length.
func (r *Reader) simple(b []byte) (Packet, error) {
	if len(b) < simpleFixed {
		return Packet{}, r.short(b)
	}
	p := Packet{Offset: r.offset}
	if err := r.lookup(&p, 0); err != nil {
		return Packet{}, err
	}
	orig := int64(r.order.Uint32(b))
	captured := orig
	if snap := int64(p.Interface.SnapLen); snap > 0 {
		captured = min(orig, snap)
	}
	err := r.data(&p, b[simpleFixed:], 8, captured, orig)
	return p, err
}

func (r *Reader) lookup(p *Packet, id int64) error {
	if id >= int64(len(r.interfaces)) {
		return r.fail("interface", 8, fmt.Errorf("%d of %d: %w", id, len(r.interfaces), ErrInterface))
	}
	p.ID, p.Interface = int(id), r.interfaces[id]
	return nil
}

// data takes the frame, with which rest begins; its captured length stands at
// an offset of the block.
func (r *Reader) data(p *Packet, rest []byte, at int, captured, orig int64) error {
	switch {
	case captured > MaxPacket:
		return r.fail("captured length", at, fmt.Errorf("%d bytes: %w", captured, object.ErrTooLong))
	case captured > int64(len(rest)):
		return r.fail("captured length", at, fmt.Errorf("%d bytes, the block holds %d: %w", captured, len(rest), object.ErrLength))
	}
	p.Data = rest[:captured:captured]
	// Some writers leave the original length 0, or count less than they kept.
	p.OrigLen = int(max(orig, captured))
	return nil
}

// options walks the options of body b from start on. The end-of-options
// option may be missing.
func (r *Reader) options(b []byte, start int, each func(code uint16, v []byte, at int) error) error {
	for at := start; at < len(b); {
		if len(b)-at < optionOverhead {
			return r.fail("options", 8+at, fmt.Errorf("%d bytes left: %w", len(b)-at, object.ErrTruncated))
		}
		code, n := r.order.Uint16(b[at:]), int(r.order.Uint16(b[at+2:]))
		if code == optEnd {
			return nil
		}
		body := at + optionOverhead
		if n > len(b)-body {
			return r.fail("options", 8+at+2, fmt.Errorf("option %d of %d bytes, %d left: %w", code, n, len(b)-body, object.ErrTruncated))
		}
		if err := each(code, b[body:body+n], 8+at); err != nil {
			return err
		}
		at = body + padded(n)
	}
	return nil
}

// short is the error for a body below its block's fixed part.
func (r *Reader) short(b []byte) error {
	return r.fail("fixed part", 8, fmt.Errorf("%d bytes: %w", len(b), object.ErrLength))
}

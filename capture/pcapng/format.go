package pcapng

// Block types (section 11.1 of the draft).
const (
	blockSection    = 0x0a0d0d0a // 4.1, the same bytes in either order
	blockInterface  = 1          // 4.2
	blockPacket     = 2          // appendix A, obsolete
	blockSimple     = 3          // 4.4
	blockNames      = 4          // 4.5
	blockStatistics = 5          // 4.6
	blockEnhanced   = 6          // 4.3
)

// blockName returns a block type's name for messages.
func blockName(typ uint32) string {
	switch typ {
	case blockSection:
		return "section header"
	case blockInterface:
		return "interface description"
	case blockPacket:
		return "obsolete packet"
	case blockSimple:
		return "simple packet"
	case blockNames:
		return "name resolution"
	case blockStatistics:
		return "interface statistics"
	case blockEnhanced:
		return "enhanced packet"
	}
	return "unknown type"
}

// Fixed parts.
const (
	byteOrderMagic = 0x1a2b3c4d // 4.1
	versionMajor   = 1
	sectionUnknown = 0xffffffffffffffff // section length: not known in advance

	blockOverhead   = 12 // type, total length, total length again
	sectionFixed    = 16 // magic, versions, section length
	interfaceFixed  = 8  // link type, reserved, snapshot length
	enhancedFixed   = 20 // interface, time, captured and original length
	packetFixed     = 20 // interface u16, drops u16, time, captured and original length
	simpleFixed     = 4  // original length
	optionOverhead  = 4  // code, length
	maxOptionLength = 65535
)

// Option codes (sections 3.5, 4.1, 4.2, 4.3).
const (
	optEnd         = 0
	optComment     = 1
	optUserAppl    = 4 // section header
	optIfName      = 2 // interface description
	optIfDescr     = 3
	optIfTsResol   = 9
	optIfTsOffset  = 14
	optPacketFlags = 2 // enhanced and obsolete packet
)

// Direction bits of epb_flags (4.3.1).
const (
	flagsDirection = 3
	flagsInbound   = 1
	flagsOutbound  = 2
)

// LinkTypeEthernet is the link type of Ethernet frames without FCS
// (LINKTYPE_ETHERNET).
const LinkTypeEthernet = 1

// Limits of what is read and written. What exceeds them is an error, never
// cut.
const (
	// MaxPacket is the greatest frame in bytes: Wireshark's limit.
	MaxPacket = 262144
	// MaxBlock is the greatest block that is read into memory. Blocks of
	// types that are skipped may be longer.
	MaxBlock = 1 << 20
	// MaxInterfaces is how many interfaces a section may describe.
	MaxInterfaces = 16384
	// MaxName is the greatest interface name in bytes.
	MaxName = 1024
)

func padded(n int) int { return (n + 3) &^ 3 }

package winsock

import (
	"encoding/binary"
	"fmt"
)

// ObjectHeaderLen is the length of QOS_OBJECT_HDR.
const ObjectHeaderLen = 8

// Lengths of the objects' bodies in memory.
const (
	statusInfoLen  = 12
	reserveInfoLen = 20 // Style, ConfirmRequest, PolicyElementList, NumFlowDesc, FlowDescList
	sdModeLen      = 4
)

// AppendObject appends one provider-specific object: QOS_OBJECT_HDR
// {ObjectType, ObjectLength including the header} and its body.
func AppendObject(b []byte, objectType uint32, body []byte) ([]byte, error) {
	b = binary.LittleEndian.AppendUint32(b, objectType)
	b = binary.LittleEndian.AppendUint32(b, uint32(ObjectHeaderLen+len(body)))
	return append(b, body...), nil
}

// ParseObject returns type and body of the first object of b, and the rest.
// The body aliases b. A header that does not fit is WSA_QOS_EPROVSPECBUF, a
// length below the header's or beyond the buffer WSA_QOS_EOBJLENGTH. A list
// ends with its buffer or with QOS_OBJECT_END_OF_LIST.
func ParseObject(b []byte) (objectType uint32, body, rest []byte, err error) {
	if len(b) < ObjectHeaderLen {
		return 0, nil, b, fmt.Errorf("winsock: %d bytes left for an object's header: %w", len(b), WSA_QOS_EPROVSPECBUF)
	}
	objectType = binary.LittleEndian.Uint32(b)
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if n < ObjectHeaderLen || n > uint64(len(b)) {
		return 0, nil, b, fmt.Errorf("winsock: object %d of %d bytes, %d left: %w", objectType, n, len(b), WSA_QOS_EOBJLENGTH)
	}
	return objectType, b[ObjectHeaderLen:n:n], b[n:], nil
}

// FindObject returns the body of the first object of the given type in a
// provider-specific list. ok is false where there is none, or the list is
// broken before it, in which case err says how.
func FindObject(list []byte, objectType uint32) (body []byte, ok bool, err error) {
	for len(list) > 0 {
		t, body, rest, err := ParseObject(list)
		switch {
		case err != nil:
			return nil, false, err
		case t == objectType:
			return body, true, nil
		case t == QOS_OBJECT_END_OF_LIST:
			return nil, false, nil
		}
		list = rest
	}
	return nil, false, nil
}

// StatusInfo is RSVP_STATUS_INFO: what happened, as SIO_GET_QOS reports it.
type StatusInfo struct {
	StatusCode      Errno  // WSA_QOS_*
	ExtendedStatus1 uint32 // GQOS_* class
	ExtendedStatus2 uint32 // GQOS_* value
}

// AppendTo appends the object with its header. It never fails.
func (s StatusInfo) AppendTo(b []byte) ([]byte, error) {
	var body [statusInfoLen]byte
	binary.LittleEndian.PutUint32(body[0:], uint32(s.StatusCode))
	binary.LittleEndian.PutUint32(body[4:], s.ExtendedStatus1)
	binary.LittleEndian.PutUint32(body[8:], s.ExtendedStatus2)
	return AppendObject(b, RSVP_OBJECT_STATUS_INFO, body[:])
}

// ParseStatusInfo reads the body of an RSVP_STATUS_INFO object. A wrong
// length is WSA_QOS_EOBJLENGTH.
func ParseStatusInfo(body []byte) (StatusInfo, error) {
	if len(body) != statusInfoLen {
		return StatusInfo{}, objectLength("RSVP_STATUS_INFO", body)
	}
	return StatusInfo{
		StatusCode:      Errno(binary.LittleEndian.Uint32(body)),
		ExtendedStatus1: binary.LittleEndian.Uint32(body[4:]),
		ExtendedStatus2: binary.LittleEndian.Uint32(body[8:]),
	}, nil
}

// ReserveInfo is RSVP_RESERVE_INFO without policy elements and flow
// descriptors.
type ReserveInfo struct {
	Style          uint32 // RSVP_*_STYLE
	ConfirmRequest bool   // ask for a confirmation of the reservation
}

// AppendTo appends the object with its header. It never fails.
func (r ReserveInfo) AppendTo(b []byte) ([]byte, error) {
	var body [reserveInfoLen]byte
	binary.LittleEndian.PutUint32(body[0:], r.Style)
	if r.ConfirmRequest {
		body[4] = 1
	}
	return AppendObject(b, RSVP_OBJECT_RESERVE_INFO, body[:])
}

// ParseReserveInfo reads the body of an RSVP_RESERVE_INFO object. A wrong
// length is WSA_QOS_EOBJLENGTH, an unknown style WSA_QOS_EFILTERSTYLE, policy
// elements WSA_QOS_EPOLICYOBJ and flow descriptors WSA_QOS_EFLOWDESC, which
// this layout cannot carry.
func ParseReserveInfo(body []byte) (ReserveInfo, error) {
	if len(body) != reserveInfoLen {
		return ReserveInfo{}, objectLength("RSVP_RESERVE_INFO", body)
	}
	style := binary.LittleEndian.Uint32(body)
	switch {
	case style > RSVP_SHARED_EXPLICIT_STYLE:
		return ReserveInfo{}, fmt.Errorf("winsock: RSVP_RESERVE_INFO: style %d: %w", style, WSA_QOS_EFILTERSTYLE)
	case binary.LittleEndian.Uint32(body[8:]) != 0:
		return ReserveInfo{}, fmt.Errorf("winsock: RSVP_RESERVE_INFO: policy elements: %w", WSA_QOS_EPOLICYOBJ)
	case binary.LittleEndian.Uint32(body[12:]) != 0:
		return ReserveInfo{}, fmt.Errorf("winsock: RSVP_RESERVE_INFO: flow descriptors: %w", WSA_QOS_EFLOWDESC)
	}
	return ReserveInfo{Style: style, ConfirmRequest: binary.LittleEndian.Uint32(body[4:]) != 0}, nil
}

// AppendSDMode appends a QOS_SD_MODE object; mode is a TC_NONCONF_* number.
func AppendSDMode(b []byte, mode uint32) ([]byte, error) {
	return AppendObject(b, QOS_OBJECT_SD_MODE, binary.LittleEndian.AppendUint32(nil, mode))
}

// ParseSDMode reads the body of a QOS_SD_MODE object. A wrong length is
// WSA_QOS_EOBJLENGTH, an unknown mode WSA_QOS_ESDMODEOBJ.
func ParseSDMode(body []byte) (uint32, error) {
	if len(body) != sdModeLen {
		return 0, objectLength("QOS_SD_MODE", body)
	}
	mode := binary.LittleEndian.Uint32(body)
	if mode > TC_NONCONF_BORROW_PLUS {
		return 0, fmt.Errorf("winsock: QOS_SD_MODE %d: %w", mode, WSA_QOS_ESDMODEOBJ)
	}
	return mode, nil
}

func objectLength(name string, body []byte) error {
	return fmt.Errorf("winsock: %s with a body of %d bytes: %w", name, len(body), WSA_QOS_EOBJLENGTH)
}

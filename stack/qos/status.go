package qos

import "github.com/mpstack/mpstack/stack/winsock"

// Classes of extended status (winsock.md section 5.8).
const (
	gqosNetAdmission = 56100
	gqosNetPolicy    = 56200
	gqosRSVP         = 56300
	gqosAPI          = 56400
	gqosKernelTCSys  = 56500
	gqosRSVPSys      = 56600
	gqosKernelTC     = 56700
)

// statusRow maps one RSVP error code to a status, a class, and the values that
// have names of their own; others give base.
type statusRow struct {
	code   uint8
	status winsock.Errno
	class  uint32
	base   uint32
	values map[uint16]uint32
}

// statusTable is the one table from RSVP's ERROR_SPEC (RFC 2205 Appendix B) to
// Winsock's status (winsock.md section 5.8).
var statusTable = []statusRow{
	{1, winsock.WSA_QOS_ADMISSION_FAILURE, gqosNetAdmission, 56101, map[uint16]uint32{
		1: 56102, 2: 56103, 3: 56104, 0x8001: 56105, 0x8003: 56106}},
	{2, winsock.WSA_QOS_POLICY_FAILURE, gqosNetPolicy, 56200, nil},
	{3, winsock.WSA_QOS_GENERIC_ERROR, gqosRSVP, 56301, nil},
	{4, winsock.WSA_QOS_GENERIC_ERROR, gqosRSVP, 56302, nil},
	{5, winsock.WSA_QOS_BAD_STYLE, gqosRSVP, 56303, nil},
	{6, winsock.WSA_QOS_BAD_STYLE, gqosRSVP, 56304, nil},
	{7, winsock.WSA_QOS_GENERIC_ERROR, gqosRSVP, 56305, nil},
	{8, winsock.WSA_QOS_GENERIC_ERROR, gqosRSVP, 56306, nil},
	{9, winsock.WSA_QOS_BAD_OBJECT, gqosRSVP, 56307, nil},
	{12, winsock.WSA_QOS_ADMISSION_FAILURE, gqosRSVP, 56308, nil},
	{13, winsock.WSA_QOS_BAD_OBJECT, gqosRSVP, 56309, nil},
	{14, winsock.WSA_QOS_BAD_OBJECT, gqosRSVP, 56310, nil},
	{20, winsock.WSA_QOS_GENERIC_ERROR, gqosAPI, 0, nil},
	{21, winsock.WSA_QOS_TRAFFIC_CTRL_ERROR, gqosKernelTC, 0, map[uint16]uint32{
		1: 56701, 2: 56702, 3: 56703, 4: 56704}},
	{22, winsock.WSA_QOS_TRAFFIC_CTRL_ERROR, gqosKernelTCSys, 56501, nil},
	{23, winsock.WSA_QOS_GENERIC_ERROR, gqosRSVPSys, 0, map[uint16]uint32{1: 56602, 2: 56603}},
}

// statusOf maps an RSVP error to a status and its extended codes.
func statusOf(code uint8, value uint16) (status winsock.Errno, class, ext uint32) {
	for _, r := range statusTable {
		if r.code != code {
			continue
		}
		if v, ok := r.values[value]; ok {
			return r.status, r.class, v
		}
		if code == 2 && value <= 57 {
			return r.status, r.class, r.base + uint32(value)
		}
		return r.status, r.class, r.base
	}
	return winsock.WSA_QOS_GENERIC_ERROR, 0xffffffff, 0
}

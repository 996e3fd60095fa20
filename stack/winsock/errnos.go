package winsock

import "syscall"

// Error and status numbers (winerror.h).
const (
	WSA_OPERATION_ABORTED      Errno = 995   // the overlapped operation was cancelled
	WSA_IO_PENDING             Errno = 997   // the overlapped operation goes on
	WSAEINTR                   Errno = 10004 // the blocking call was cancelled
	WSAEBADF                   Errno = 10009 // bad descriptor
	WSAEACCES                  Errno = 10013 // access denied, or the request was withdrawn
	WSAEFAULT                  Errno = 10014 // bad address, or a buffer of the wrong size
	WSAEINVAL                  Errno = 10022 // invalid argument or state
	WSAEMFILE                  Errno = 10024 // too many open sockets
	WSAEWOULDBLOCK             Errno = 10035 // the operation would block
	WSAEINPROGRESS             Errno = 10036 // a blocking call or a callback is in progress
	WSAEALREADY                Errno = 10037 // an operation is already in progress on this socket
	WSAENOTSOCK                Errno = 10038 // not a socket
	WSAEDESTADDRREQ            Errno = 10039 // a destination address is required
	WSAEMSGSIZE                Errno = 10040 // the message is too long
	WSAEPROTOTYPE              Errno = 10041 // wrong protocol type for the socket
	WSAENOPROTOOPT             Errno = 10042 // unknown option, or not supported at this level
	WSAEPROTONOSUPPORT         Errno = 10043 // the protocol is not supported, or carries no connect data
	WSAESOCKTNOSUPPORT         Errno = 10044 // socket type not supported
	WSAEOPNOTSUPP              Errno = 10045 // operation not supported, or the quality of service cannot be satisfied
	WSAEPFNOSUPPORT            Errno = 10046 // protocol family not supported
	WSAEAFNOSUPPORT            Errno = 10047 // address family not supported by this socket
	WSAEADDRINUSE              Errno = 10048 // address already in use
	WSAEADDRNOTAVAIL           Errno = 10049 // the address is not valid here
	WSAENETDOWN                Errno = 10050 // the network subsystem or the interface is down
	WSAENETUNREACH             Errno = 10051 // the network cannot be reached
	WSAENETRESET               Errno = 10052 // the network dropped the connection on reset
	WSAECONNABORTED            Errno = 10053 // the connection was aborted locally
	WSAECONNRESET              Errno = 10054 // the connection was reset by the peer or lost
	WSAENOBUFS                 Errno = 10055 // no buffer space
	WSAEISCONN                 Errno = 10056 // already connected, or already a member of the session
	WSAENOTCONN                Errno = 10057 // not connected
	WSAESHUTDOWN               Errno = 10058 // the socket was shut down
	WSAETOOMANYREFS            Errno = 10059 // too many references
	WSAETIMEDOUT               Errno = 10060 // no answer in time
	WSAECONNREFUSED            Errno = 10061 // the peer refused
	WSAELOOP                   Errno = 10062 // name loops
	WSAENAMETOOLONG            Errno = 10063 // name too long
	WSAEHOSTDOWN               Errno = 10064 // the host is down
	WSAEHOSTUNREACH            Errno = 10065 // no route to the host
	WSAENOTEMPTY               Errno = 10066 // directory not empty
	WSAEPROCLIM                Errno = 10067 // too many processes
	WSAEUSERS                  Errno = 10068 // user quota exceeded
	WSAEDQUOT                  Errno = 10069 // disk quota exceeded
	WSAESTALE                  Errno = 10070 // stale file handle
	WSAEREMOTE                 Errno = 10071 // item is not local
	WSASYSNOTREADY             Errno = 10091 // the network subsystem is not ready
	WSAVERNOTSUPPORTED         Errno = 10092 // Winsock version not supported
	WSANOTINITIALISED          Errno = 10093 // no successful startup came before this call
	WSAEDISCON                 Errno = 10101 // graceful shutdown in progress
	WSAENOMORE                 Errno = 10102 // no more results
	WSAECANCELLED              Errno = 10103 // the call was cancelled
	WSAEINVALIDPROCTABLE       Errno = 10104 // invalid procedure table
	WSAEINVALIDPROVIDER        Errno = 10105 // invalid service provider
	WSAEPROVIDERFAILEDINIT     Errno = 10106 // the service provider failed to start
	WSASYSCALLFAILURE          Errno = 10107 // a system call failed that should not
	WSASERVICE_NOT_FOUND       Errno = 10108 // service not found
	WSATYPE_NOT_FOUND          Errno = 10109 // class type not found
	WSA_E_NO_MORE              Errno = 10110 // no more results
	WSA_E_CANCELLED            Errno = 10111 // the call was cancelled
	WSAEREFUSED                Errno = 10112 // the query was refused
	WSAHOST_NOT_FOUND          Errno = 11001 // host not found
	WSATRY_AGAIN               Errno = 11002 // not now: try again
	WSANO_RECOVERY             Errno = 11003 // unrecoverable error
	WSANO_DATA                 Errno = 11004 // no data of the requested type
	WSA_QOS_RECEIVERS          Errno = 11005 // at least one reservation has arrived
	WSA_QOS_SENDERS            Errno = 11006 // at least one path has arrived
	WSA_QOS_NO_SENDERS         Errno = 11007 // there are no senders any more
	WSA_QOS_NO_RECEIVERS       Errno = 11008 // there are no receivers any more
	WSA_QOS_REQUEST_CONFIRMED  Errno = 11009 // the reservation was confirmed
	WSA_QOS_ADMISSION_FAILURE  Errno = 11010 // the network lacks resources
	WSA_QOS_POLICY_FAILURE     Errno = 11011 // refused for administrative reasons
	WSA_QOS_BAD_STYLE          Errno = 11012 // unknown or conflicting reservation style
	WSA_QOS_BAD_OBJECT         Errno = 11013 // bad filterspec or provider-specific object
	WSA_QOS_TRAFFIC_CTRL_ERROR Errno = 11014 // traffic control failed
	WSA_QOS_GENERIC_ERROR      Errno = 11015 // quality of service failed
	WSA_QOS_ESERVICETYPE       Errno = 11016 // invalid service type
	WSA_QOS_EFLOWSPEC          Errno = 11017 // invalid or inconsistent flowspec
	WSA_QOS_EPROVSPECBUF       Errno = 11018 // invalid provider-specific buffer
	WSA_QOS_EFILTERSTYLE       Errno = 11019 // invalid filter style
	WSA_QOS_EFILTERTYPE        Errno = 11020 // invalid filter type
	WSA_QOS_EFILTERCOUNT       Errno = 11021 // wrong number of filters
	WSA_QOS_EOBJLENGTH         Errno = 11022 // invalid object length
	WSA_QOS_EFLOWCOUNT         Errno = 11023 // wrong number of flow descriptors
	WSA_QOS_EUNKNOWNPSOBJ      Errno = 11024 // unknown provider-specific object
	WSA_QOS_EPOLICYOBJ         Errno = 11025 // invalid policy object
	WSA_QOS_EFLOWDESC          Errno = 11026 // invalid flow descriptor
	WSA_QOS_EPSFLOWSPEC        Errno = 11027 // invalid flowspec among the provider-specific objects
	WSA_QOS_EPSFILTERSPEC      Errno = 11028 // invalid filterspec among the provider-specific objects
	WSA_QOS_ESDMODEOBJ         Errno = 11029 // invalid shape-discard mode object
	WSA_QOS_ESHAPERATEOBJ      Errno = 11030 // invalid shaping rate object
	WSA_QOS_RESERVED_PETYPE    Errno = 11031 // reserved policy element type
)

// errnos is the table behind Error, Name, Sys and Is, in rising order.
var errnos = [...]struct {
	num  Errno
	name string
	text string
	sys  syscall.Errno // 0 where Linux has none of the same meaning
}{
	{WSA_OPERATION_ABORTED, "WSA_OPERATION_ABORTED", "the overlapped operation was cancelled", 0},
	{WSA_IO_PENDING, "WSA_IO_PENDING", "the overlapped operation goes on", 0},
	{WSAEINTR, "WSAEINTR", "the blocking call was cancelled", syscall.EINTR},
	{WSAEBADF, "WSAEBADF", "bad descriptor", syscall.EBADF},
	{WSAEACCES, "WSAEACCES", "access denied, or the request was withdrawn", syscall.EACCES},
	{WSAEFAULT, "WSAEFAULT", "bad address, or a buffer of the wrong size", syscall.EFAULT},
	{WSAEINVAL, "WSAEINVAL", "invalid argument or state", syscall.EINVAL},
	{WSAEMFILE, "WSAEMFILE", "too many open sockets", syscall.EMFILE},
	{WSAEWOULDBLOCK, "WSAEWOULDBLOCK", "the operation would block", syscall.EWOULDBLOCK},
	{WSAEINPROGRESS, "WSAEINPROGRESS", "a blocking call or a callback is in progress", syscall.EINPROGRESS},
	{WSAEALREADY, "WSAEALREADY", "an operation is already in progress on this socket", syscall.EALREADY},
	{WSAENOTSOCK, "WSAENOTSOCK", "not a socket", syscall.ENOTSOCK},
	{WSAEDESTADDRREQ, "WSAEDESTADDRREQ", "a destination address is required", syscall.EDESTADDRREQ},
	{WSAEMSGSIZE, "WSAEMSGSIZE", "the message is too long", syscall.EMSGSIZE},
	{WSAEPROTOTYPE, "WSAEPROTOTYPE", "wrong protocol type for the socket", syscall.EPROTOTYPE},
	{WSAENOPROTOOPT, "WSAENOPROTOOPT", "unknown option, or not supported at this level", syscall.ENOPROTOOPT},
	{WSAEPROTONOSUPPORT, "WSAEPROTONOSUPPORT", "the protocol is not supported, or carries no connect data", syscall.EPROTONOSUPPORT},
	{WSAESOCKTNOSUPPORT, "WSAESOCKTNOSUPPORT", "socket type not supported", syscall.ESOCKTNOSUPPORT},
	{WSAEOPNOTSUPP, "WSAEOPNOTSUPP", "operation not supported, or the quality of service cannot be satisfied", syscall.EOPNOTSUPP},
	{WSAEPFNOSUPPORT, "WSAEPFNOSUPPORT", "protocol family not supported", syscall.EPFNOSUPPORT},
	{WSAEAFNOSUPPORT, "WSAEAFNOSUPPORT", "address family not supported by this socket", syscall.EAFNOSUPPORT},
	{WSAEADDRINUSE, "WSAEADDRINUSE", "address already in use", syscall.EADDRINUSE},
	{WSAEADDRNOTAVAIL, "WSAEADDRNOTAVAIL", "the address is not valid here", syscall.EADDRNOTAVAIL},
	{WSAENETDOWN, "WSAENETDOWN", "the network subsystem or the interface is down", syscall.ENETDOWN},
	{WSAENETUNREACH, "WSAENETUNREACH", "the network cannot be reached", syscall.ENETUNREACH},
	{WSAENETRESET, "WSAENETRESET", "the network dropped the connection on reset", syscall.ENETRESET},
	{WSAECONNABORTED, "WSAECONNABORTED", "the connection was aborted locally", syscall.ECONNABORTED},
	{WSAECONNRESET, "WSAECONNRESET", "the connection was reset by the peer or lost", syscall.ECONNRESET},
	{WSAENOBUFS, "WSAENOBUFS", "no buffer space", syscall.ENOBUFS},
	{WSAEISCONN, "WSAEISCONN", "already connected, or already a member of the session", syscall.EISCONN},
	{WSAENOTCONN, "WSAENOTCONN", "not connected", syscall.ENOTCONN},
	{WSAESHUTDOWN, "WSAESHUTDOWN", "the socket was shut down", syscall.ESHUTDOWN},
	{WSAETOOMANYREFS, "WSAETOOMANYREFS", "too many references", syscall.ETOOMANYREFS},
	{WSAETIMEDOUT, "WSAETIMEDOUT", "no answer in time", syscall.ETIMEDOUT},
	{WSAECONNREFUSED, "WSAECONNREFUSED", "the peer refused", syscall.ECONNREFUSED},
	{WSAELOOP, "WSAELOOP", "name loops", syscall.ELOOP},
	{WSAENAMETOOLONG, "WSAENAMETOOLONG", "name too long", syscall.ENAMETOOLONG},
	{WSAEHOSTDOWN, "WSAEHOSTDOWN", "the host is down", syscall.EHOSTDOWN},
	{WSAEHOSTUNREACH, "WSAEHOSTUNREACH", "no route to the host", syscall.EHOSTUNREACH},
	{WSAENOTEMPTY, "WSAENOTEMPTY", "directory not empty", syscall.ENOTEMPTY},
	{WSAEPROCLIM, "WSAEPROCLIM", "too many processes", 0},
	{WSAEUSERS, "WSAEUSERS", "user quota exceeded", syscall.EUSERS},
	{WSAEDQUOT, "WSAEDQUOT", "disk quota exceeded", syscall.EDQUOT},
	{WSAESTALE, "WSAESTALE", "stale file handle", syscall.ESTALE},
	{WSAEREMOTE, "WSAEREMOTE", "item is not local", syscall.EREMOTE},
	{WSASYSNOTREADY, "WSASYSNOTREADY", "the network subsystem is not ready", 0},
	{WSAVERNOTSUPPORTED, "WSAVERNOTSUPPORTED", "Winsock version not supported", 0},
	{WSANOTINITIALISED, "WSANOTINITIALISED", "no successful startup came before this call", 0},
	{WSAEDISCON, "WSAEDISCON", "graceful shutdown in progress", 0},
	{WSAENOMORE, "WSAENOMORE", "no more results", 0},
	{WSAECANCELLED, "WSAECANCELLED", "the call was cancelled", syscall.ECANCELED},
	{WSAEINVALIDPROCTABLE, "WSAEINVALIDPROCTABLE", "invalid procedure table", 0},
	{WSAEINVALIDPROVIDER, "WSAEINVALIDPROVIDER", "invalid service provider", 0},
	{WSAEPROVIDERFAILEDINIT, "WSAEPROVIDERFAILEDINIT", "the service provider failed to start", 0},
	{WSASYSCALLFAILURE, "WSASYSCALLFAILURE", "a system call failed that should not", 0},
	{WSASERVICE_NOT_FOUND, "WSASERVICE_NOT_FOUND", "service not found", 0},
	{WSATYPE_NOT_FOUND, "WSATYPE_NOT_FOUND", "class type not found", 0},
	{WSA_E_NO_MORE, "WSA_E_NO_MORE", "no more results", 0},
	{WSA_E_CANCELLED, "WSA_E_CANCELLED", "the call was cancelled", 0},
	{WSAEREFUSED, "WSAEREFUSED", "the query was refused", 0},
	{WSAHOST_NOT_FOUND, "WSAHOST_NOT_FOUND", "host not found", 0},
	{WSATRY_AGAIN, "WSATRY_AGAIN", "not now: try again", 0},
	{WSANO_RECOVERY, "WSANO_RECOVERY", "unrecoverable error", 0},
	{WSANO_DATA, "WSANO_DATA", "no data of the requested type", 0},
	{WSA_QOS_RECEIVERS, "WSA_QOS_RECEIVERS", "at least one reservation has arrived", 0},
	{WSA_QOS_SENDERS, "WSA_QOS_SENDERS", "at least one path has arrived", 0},
	{WSA_QOS_NO_SENDERS, "WSA_QOS_NO_SENDERS", "there are no senders any more", 0},
	{WSA_QOS_NO_RECEIVERS, "WSA_QOS_NO_RECEIVERS", "there are no receivers any more", 0},
	{WSA_QOS_REQUEST_CONFIRMED, "WSA_QOS_REQUEST_CONFIRMED", "the reservation was confirmed", 0},
	{WSA_QOS_ADMISSION_FAILURE, "WSA_QOS_ADMISSION_FAILURE", "the network lacks resources", 0},
	{WSA_QOS_POLICY_FAILURE, "WSA_QOS_POLICY_FAILURE", "refused for administrative reasons", 0},
	{WSA_QOS_BAD_STYLE, "WSA_QOS_BAD_STYLE", "unknown or conflicting reservation style", 0},
	{WSA_QOS_BAD_OBJECT, "WSA_QOS_BAD_OBJECT", "bad filterspec or provider-specific object", 0},
	{WSA_QOS_TRAFFIC_CTRL_ERROR, "WSA_QOS_TRAFFIC_CTRL_ERROR", "traffic control failed", 0},
	{WSA_QOS_GENERIC_ERROR, "WSA_QOS_GENERIC_ERROR", "quality of service failed", 0},
	{WSA_QOS_ESERVICETYPE, "WSA_QOS_ESERVICETYPE", "invalid service type", 0},
	{WSA_QOS_EFLOWSPEC, "WSA_QOS_EFLOWSPEC", "invalid or inconsistent flowspec", 0},
	{WSA_QOS_EPROVSPECBUF, "WSA_QOS_EPROVSPECBUF", "invalid provider-specific buffer", 0},
	{WSA_QOS_EFILTERSTYLE, "WSA_QOS_EFILTERSTYLE", "invalid filter style", 0},
	{WSA_QOS_EFILTERTYPE, "WSA_QOS_EFILTERTYPE", "invalid filter type", 0},
	{WSA_QOS_EFILTERCOUNT, "WSA_QOS_EFILTERCOUNT", "wrong number of filters", 0},
	{WSA_QOS_EOBJLENGTH, "WSA_QOS_EOBJLENGTH", "invalid object length", 0},
	{WSA_QOS_EFLOWCOUNT, "WSA_QOS_EFLOWCOUNT", "wrong number of flow descriptors", 0},
	{WSA_QOS_EUNKNOWNPSOBJ, "WSA_QOS_EUNKNOWNPSOBJ", "unknown provider-specific object", 0},
	{WSA_QOS_EPOLICYOBJ, "WSA_QOS_EPOLICYOBJ", "invalid policy object", 0},
	{WSA_QOS_EFLOWDESC, "WSA_QOS_EFLOWDESC", "invalid flow descriptor", 0},
	{WSA_QOS_EPSFLOWSPEC, "WSA_QOS_EPSFLOWSPEC", "invalid flowspec among the provider-specific objects", 0},
	{WSA_QOS_EPSFILTERSPEC, "WSA_QOS_EPSFILTERSPEC", "invalid filterspec among the provider-specific objects", 0},
	{WSA_QOS_ESDMODEOBJ, "WSA_QOS_ESDMODEOBJ", "invalid shape-discard mode object", 0},
	{WSA_QOS_ESHAPERATEOBJ, "WSA_QOS_ESHAPERATEOBJ", "invalid shaping rate object", 0},
	{WSA_QOS_RESERVED_PETYPE, "WSA_QOS_RESERVED_PETYPE", "reserved policy element type", 0},
}

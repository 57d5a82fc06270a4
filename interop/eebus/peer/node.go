package main

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	shipapi "github.com/enbility/ship-go/api"
	"github.com/enbility/ship-go/cert"
	"github.com/enbility/ship-go/hub"
	"github.com/enbility/ship-go/logging"
	"github.com/enbility/ship-go/mdns"
	spineapi "github.com/enbility/spine-go/api"
	"github.com/enbility/spine-go/model"
	"github.com/enbility/spine-go/spine"
)

const brand, peerModel = "Interop", "Peer"

// node is one SHIP node with its SPINE device; it is what the hub of ship-go reports to.
type node struct {
	hub    *hub.Hub
	ski    string
	shipID string
	device *spine.DeviceLocal
	told   *toldAddresses
	roles  []role
	bell   chan string

	mux    sync.Mutex
	asking bool // an unknown peer may wait until it is trusted
}

// role is what the node plays; each does some of the commands.
type role interface {
	// do reports false where the command is not the role's.
	do(c command) bool
}

func newNode(roles []string, certFile, serial string, port int, interfaces []string, beat time.Duration, trace bool) (*node, error) {
	certificate, err := certificateOf(certFile, serial)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return nil, err
	}
	ski, err := cert.SkiFromCertificate(leaf)
	if err != nil {
		return nil, err
	}
	n := &node{bell: make(chan string, 16), ski: ski, shipID: fmt.Sprintf("%s-%s-%s", brand, peerModel, serial)}
	deviceType := model.DeviceTypeTypeEnergyManagementSystem
	switch roles[0] {
	case "guard":
		deviceType = model.DeviceTypeTypeElectricitySupplySystem
	case "wallbox":
		deviceType = model.DeviceTypeTypeChargingStation
	case "system":
		deviceType = model.DeviceTypeTypeHeatgenerationSystem
	}
	address := fmt.Sprintf("d:_n:%s_%s-%s", brand, peerModel, serial)
	n.device = spine.NewDeviceLocal(brand, peerModel, serial, n.shipID, address, deviceType, model.NetworkManagementFeatureSetTypeSmart)
	local := shipapi.NewServiceDetails(ski)
	local.SetShipID(n.shipID)
	local.SetDeviceType(string(deviceType))
	var finder shipapi.MdnsInterface
	if len(interfaces) > 0 {
		finder = mdns.NewMDNS(ski, brand, peerModel, string(deviceType), n.shipID, n.shipID, port, interfaces, mdns.MdnsProviderSelectionGoZeroConfOnly)
	} else {
		n.told = &toldAddresses{entries: map[string]*shipapi.MdnsEntry{}}
		finder = n.told
	}
	n.hub = hub.NewHub(n, finder, port, certificate, local)
	if trace {
		logging.SetLogging(stderrLog{})
	}
	for _, name := range roles {
		made, err := newRole(n, name, beat)
		if err != nil {
			return nil, err
		}
		n.roles = append(n.roles, made)
	}
	return n, nil
}

func newRole(n *node, name string, beat time.Duration) (role, error) {
	switch name {
	case "guard":
		return newGuard(n, beat), nil
	case "cem":
		return newCem(n, beat), nil
	case "system":
		return newSystem(n, beat), nil
	case "grid":
		return newGrid(n, beat), nil
	case "wallbox":
		return newWallbox(n, beat), nil
	}
	return nil, fmt.Errorf("no role %q", name)
}

// entity adds an entity of its own for a role. beat: 0 for usual.
func (n *node) entity(kind model.EntityTypeType, beat, usual time.Duration, address ...model.AddressEntityType) *spine.EntityLocal {
	if beat == 0 {
		beat = usual
	}
	if len(address) == 0 {
		address = []model.AddressEntityType{model.AddressEntityType(len(n.device.Entities()))}
	}
	return spine.NewEntityLocal(n.device, kind, address, beat)
}

// do carries out a command of the node, or hands it to the roles.
func (n *node) do(c command) {
	switch c.Do {
	case "trust":
		n.hub.RegisterRemoteSKI(c.Ski)
		answer(c, nil, nil)
	case "distrust":
		n.hub.UnregisterRemoteSKI(c.Ski)
		answer(c, nil, nil)
	case "disconnect":
		n.hub.DisconnectSKI(c.Ski, "told to")
		answer(c, nil, nil)
	case "ask": // whether unknown peers may wait
		n.mux.Lock()
		n.asking = c.Active
		n.mux.Unlock()
		answer(c, nil, nil)
	case "dial": // from now on the peer is at this address
		if n.told == nil {
			answer(c, nil, errors.New("addresses are found by mDNS"))
			return
		}
		n.told.put(c.Ski, c.Host, c.Port)
		answer(c, nil, nil)
	case "shake":
		answer(c, n.shake(c), nil)
	case "beat": // heartbeats of all entities on or off
		for _, entity := range n.device.Entities() {
			if manager := entity.HeartbeatManager(); manager != nil && entity.FeatureOfTypeAndRole(model.FeatureTypeTypeDeviceDiagnosis, model.RoleTypeServer) != nil {
				if c.Active {
					_ = manager.StartHeartbeat()
				} else {
					manager.StopHeartbeat()
				}
			}
		}
		answer(c, nil, nil)
	default:
		for _, one := range n.roles {
			if one.do(c) {
				return
			}
		}
		answer(c, nil, fmt.Errorf("nobody here can %s %s", c.Do, c.Of))
	}
}

// What the hub reports.

func (n *node) RemoteSKIConnected(ski string) {
	n.ring("connected")
	say(line{"event": "connected", "ski": ski})
}

func (n *node) RemoteSKIDisconnected(ski string) {
	n.device.RemoveRemoteDeviceConnection(ski)
	n.ring("disconnected")
	say(line{"event": "disconnected", "ski": ski})
}

func (n *node) SetupRemoteDevice(ski string, writer shipapi.ShipConnectionDataWriterInterface) shipapi.ShipConnectionDataReaderInterface {
	return n.device.SetupRemoteDevice(ski, writer)
}

func (n *node) VisibleRemoteServicesUpdated(entries []shipapi.RemoteService) {
	seen := []line{}
	for _, entry := range entries {
		seen = append(seen, line{"ski": entry.Ski, "ship_id": entry.Identifier, "brand": entry.Brand, "model": entry.Model, "type": entry.Type})
	}
	say(line{"event": "visible", "peers": seen})
}

func (n *node) ServiceShipIDUpdate(ski string, shipID string) {
	say(line{"event": "ship id", "ski": ski, "ship_id": shipID})
}

func (n *node) ServicePairingDetailUpdate(ski string, detail *shipapi.ConnectionStateDetail) {
	names := map[shipapi.ConnectionState]string{
		shipapi.ConnectionStateNone: "none", shipapi.ConnectionStateQueued: "queued", shipapi.ConnectionStateInitiated: "initiated",
		shipapi.ConnectionStateReceivedPairingRequest: "asked", shipapi.ConnectionStateInProgress: "in progress",
		shipapi.ConnectionStateTrusted: "trusted", shipapi.ConnectionStatePin: "pin", shipapi.ConnectionStateCompleted: "completed",
		shipapi.ConnectionStateRemoteDeniedTrust: "denied", shipapi.ConnectionStateError: "error",
	}
	told := line{"event": "pairing", "ski": ski, "state": names[detail.State()]}
	if err := detail.Error(); err != nil {
		told["text"] = err.Error()
	}
	say(told)
}

func (n *node) AllowWaitingForTrust(string) bool {
	n.mux.Lock()
	defer n.mux.Unlock()
	return n.asking
}

// toldAddresses stands in the place of mDNS: it reports the addresses that commands have told.
type toldAddresses struct {
	mux     sync.Mutex
	report  shipapi.MdnsReportInterface
	entries map[string]*shipapi.MdnsEntry
}

func (t *toldAddresses) put(ski, host string, port int) {
	t.mux.Lock()
	entry := &shipapi.MdnsEntry{Name: ski, Ski: ski, Identifier: ski, Path: "/ship/", Port: port, Addresses: []net.IP{net.ParseIP(host)}}
	t.entries[ski] = entry
	t.mux.Unlock()
	t.RequestMdnsEntries()
}

func (t *toldAddresses) Start(report shipapi.MdnsReportInterface) error {
	t.mux.Lock()
	defer t.mux.Unlock()
	t.report = report
	return nil
}

func (t *toldAddresses) RequestMdnsEntries() {
	t.mux.Lock()
	defer t.mux.Unlock()
	copied := map[string]*shipapi.MdnsEntry{}
	for ski, entry := range t.entries {
		one := *entry
		copied[ski] = &one
	}
	if t.report != nil && len(copied) > 0 {
		go t.report.ReportMdnsEntries(copied, false)
	}
}

func (t *toldAddresses) Shutdown()                {}
func (t *toldAddresses) AnnounceMdnsEntry() error { return nil }
func (t *toldAddresses) UnannounceMdnsEntry()     {}
func (t *toldAddresses) SetAutoAccept(bool)       {}

// certificateOf reads the node's certificate, or makes and keeps one.
func certificateOf(file, serial string) (tls.Certificate, error) {
	if _, err := os.Stat(file); file != "" && err == nil {
		return tls.LoadX509KeyPair(file, file)
	}
	made, err := cert.CreateCertificate(brand, brand, "DE", peerModel+"-"+serial)
	if err != nil || file == "" {
		return made, err
	}
	key, err := x509.MarshalECPrivateKey(made.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return made, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})...)
	return made, os.WriteFile(file, text, 0o600)
}

// addressOf is the address of a peer's entity, nil where there is none.
func addressOf(entity spineapi.EntityRemoteInterface) []model.AddressEntityType {
	if entity == nil || entity.Address() == nil {
		return nil
	}
	return entity.Address().Entity
}

// stderrLog is what -trace turns on.
type stderrLog struct{}

func log(level string, args ...any) {
	fmt.Fprintln(os.Stderr, append([]any{time.Now().Format("15:04:05.000"), level}, args...)...)
}

func (stderrLog) Trace(args ...any)                 { log("trace", args...) }
func (stderrLog) Tracef(format string, args ...any) { log("trace", fmt.Sprintf(format, args...)) }
func (stderrLog) Debug(args ...any)                 { log("debug", args...) }
func (stderrLog) Debugf(format string, args ...any) { log("debug", fmt.Sprintf(format, args...)) }
func (stderrLog) Info(args ...any)                  { log("info", args...) }
func (stderrLog) Infof(format string, args ...any)  { log("info", fmt.Sprintf(format, args...)) }
func (stderrLog) Error(args ...any)                 { log("error", args...) }
func (stderrLog) Errorf(format string, args ...any) { log("error", fmt.Sprintf(format, args...)) }

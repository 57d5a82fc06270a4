// An EEBUS peer on the public module eebus-go, driven by lines of JSON: commands on stdin, answers and events on stdout.
//
//	peer -role guard -cert guard.pem -port 4712            found and dialled by static addresses
//	peer -role cem -cert cem.pem -port 4713 -mdns eth0     announced and found by mDNS
//
// A command is {"id": 1, "do": "...", ...}; its answer {"answer": 1, ...} with what was asked for, or "error". Events have "event". It ends
// when stdin does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A line in either direction.
type line = map[string]any

// command is what may stand in a command; which of it counts depends on what is to be done.
type command struct {
	ID       int                `json:"id"`
	Do       string             `json:"do"`
	Ski      string             `json:"ski"`
	Host     string             `json:"host"`
	Port     int                `json:"port"`
	Of       string             `json:"of"`
	Active   bool               `json:"active"`
	Value    *float64           `json:"value"`
	Values   map[string]float64 `json:"values"`
	Currents []float64          `json:"currents"`
	LastsS   *float64           `json:"lasts_s"`
	Text     string             `json:"text"`
	Count    int                `json:"count"`
	Powers   [][2]float64       `json:"powers"` // seconds and W of each slot
	Prices   [][2]float64       `json:"prices"` // seconds and EUR per kWh
}

var printing sync.Mutex

func say(what line) {
	text, err := json.Marshal(what)
	if err != nil {
		text = []byte(fmt.Sprintf(`{"event":"unspeakable","text":%q}`, err))
	}
	printing.Lock()
	defer printing.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

// answer sends the answer of a command.
func answer(c command, what line, err error) {
	if what == nil {
		what = line{}
	}
	what["answer"] = c.ID
	if err != nil {
		what["error"] = err.Error()
	}
	say(what)
}

// seconds as a duration; 0 where there are none.
func seconds(s *float64) time.Duration {
	if s == nil {
		return 0
	}
	return time.Duration(*s * float64(time.Second))
}

func main() {
	roles := flag.String("role", "guard", "guard, cem, system, grid, wallbox; several with commas")
	certificate := flag.String("cert", "", "PEM file with certificate and key; made where there is none")
	serial := flag.String("serial", "1", "makes SHIP ID and device address unique")
	port := flag.Int("port", 4711, "of the WebSocket server")
	mdns := flag.String("mdns", "", "network interfaces to announce and browse on; without, nothing is announced and addresses are told")
	beat := flag.Float64("heartbeat", 0, "seconds between which heartbeats come at the latest; 0: what the role's use cases ask for")
	trace := flag.Bool("trace", false, "log of the libraries on stderr")
	flag.Parse()

	var interfaces []string
	if *mdns != "" {
		interfaces = strings.Split(*mdns, ",")
	}
	node, err := newNode(strings.Split(*roles, ","), *certificate, *serial, *port, interfaces, seconds(beat), *trace)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	node.hub.Start()
	say(line{"event": "ready", "ski": node.ski, "ship_id": node.shipID, "port": *port})

	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-told
		node.hub.Shutdown()
		os.Exit(0)
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			answer(c, nil, err)
			continue
		}
		node.do(c)
	}
	node.hub.Shutdown()
	time.Sleep(200 * time.Millisecond) // the last frames go out
}

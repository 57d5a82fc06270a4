package main

import (
	"errors"
	"time"

	ucapi "github.com/enbility/eebus-go/usecases/api"
	spineapi "github.com/enbility/spine-go/api"
	"github.com/enbility/spine-go/model"
)

// What benchmarks/eebus.py asks for; measured in here, so that no pipe and no JSON is counted.

const patience = 60 * time.Second

// shake connects to a peer up to so many times, and tells the seconds from dialling until SHIP is ready for data. They may be fewer: ship-go
// sometimes does not notice the end of a connection that it has closed itself.
func (n *node) shake(c command) line {
	taken := []float64{}
	for range c.Count {
		began := time.Now()
		n.hub.RegisterRemoteSKI(c.Ski)
		if !n.rings("connected") {
			break
		}
		taken = append(taken, time.Since(began).Seconds())
		time.Sleep(300 * time.Millisecond) // it panics where a connection ends while it writes
		n.hub.UnregisterRemoteSKI(c.Ski)
		if !n.rings("disconnected") {
			break
		}
	}
	return line{"seconds": taken}
}

// ring notes a connection's beginning or end for who waits for it.
func (n *node) ring(what string) {
	select {
	case n.bell <- what:
	default:
	}
}

func (n *node) rings(what string) bool {
	end := time.After(5 * time.Second)
	for {
		select {
		case rung := <-n.bell:
			if rung == what {
				return true
			}
		case <-end:
			return false
		}
	}
}

// put writes a limit; told is called with its result.
func (c *reader) put(of, ski string, entity spineapi.EntityRemoteInterface, value float64, told func(model.ResultDataType)) error {
	counter, err := c.limits[of](entity, ucapi.LoadLimit{IsActive: true, Value: value}, nil)
	if err != nil {
		return err
	}
	c.results.wait(write{ski, *counter}, told)
	return nil
}

// inTurn writes limits to one system, each when the one before was answered, and tells the seconds that each took.
func (c *reader) inTurn(told command) (line, error) {
	entity, err := c.at(told.Of, told.Ski)
	if err != nil {
		return nil, err
	}
	taken := []float64{}
	for number := range told.Count {
		done := make(chan bool, 1)
		began := time.Now()
		err := c.put(told.Of, told.Ski, entity, 4200+float64(number%2), func(result model.ResultDataType) {
			done <- result.ErrorNumber != nil && *result.ErrorNumber == 0
		})
		if err != nil {
			return nil, err
		}
		select {
		case taking := <-done:
			if !taking {
				return nil, errors.New("refused")
			}
		case <-time.After(patience):
			return nil, errors.New("not answered")
		}
		taken = append(taken, time.Since(began).Seconds())
	}
	return line{"seconds": taken}, nil
}

// toAll writes one limit to all systems, and tells how many have taken it after how many seconds.
func (c *reader) toAll(told command) (line, error) {
	found := c.useCases[told.Of].RemoteEntitiesScenarios()
	done := make(chan bool, len(found))
	began := time.Now()
	for _, one := range found {
		ski := one.Entity.Device().Ski()
		err := c.put(told.Of, ski, one.Entity, *told.Value, func(result model.ResultDataType) {
			done <- result.ErrorNumber != nil && *result.ErrorNumber == 0
		})
		if err != nil {
			return nil, err
		}
	}
	taken := 0
	end := time.After(patience)
	for range found {
		select {
		case taking := <-done:
			if taking {
				taken++
			}
		case <-end:
			return line{"taken": taken, "seconds": time.Since(began).Seconds()}, nil
		}
	}
	return line{"taken": taken, "seconds": time.Since(began).Seconds()}, nil
}

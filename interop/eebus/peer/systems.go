package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/enbility/eebus-go/api"
	ucapi "github.com/enbility/eebus-go/usecases/api"
	cslpc "github.com/enbility/eebus-go/usecases/cs/lpc"
	cslpp "github.com/enbility/eebus-go/usecases/cs/lpp"
	spineapi "github.com/enbility/spine-go/api"
	"github.com/enbility/spine-go/model"
)

const release = "release"

// system is a heat pump that is limited (LPC) and measured (MPC), and an inverter that is limited (LPP). The library has no state machine: what is written is in force, except
// for what has the wrong sign.
type system struct {
	lpc      *cslpc.LPC
	lpp      *cslpp.LPP
	measured *measured
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newSystem(n *node, beat time.Duration) role {
	entity := n.entity(model.EntityTypeTypeHeatPumpAppliance, beat, guardBeat)
	n.device.AddEntity(entity)
	inverter := n.entity(model.EntityTypeTypeInverter, beat, guardBeat)
	n.device.AddEntity(inverter)
	s := &system{}
	s.lpc, s.lpp = cslpc.NewLPC(entity, s.told), cslpp.NewLPP(inverter, s.told)
	s.lpc.AddFeatures()
	s.lpc.AddUseCase()
	s.lpp.AddFeatures()
	s.lpp.AddUseCase()
	must(s.lpc.SetConsumptionNominalMax(9000))
	must(s.lpp.SetProductionNominalMax(5000))
	must(s.lpc.SetConsumptionLimit(ucapi.LoadLimit{IsChangeable: true, Value: 9000}))
	must(s.lpp.SetProductionLimit(ucapi.LoadLimit{IsChangeable: true, Value: -5000}))
	must(s.lpc.SetFailsafeConsumptionActivePowerLimit(4200, true))
	must(s.lpp.SetFailsafeProductionActivePowerLimit(0, true))
	must(s.lpc.SetFailsafeDurationMinimum(2*time.Hour, true))
	must(s.lpp.SetFailsafeDurationMinimum(2*time.Hour, true))

	singles := []quantity{
		totalPower, frequency, energy("consumed_wh", model.ScopeTypeTypeACEnergyConsumed), energy("produced_wh", model.ScopeTypeTypeACEnergyProduced),
	}
	var err error
	s.measured, err = newMeasured(entity, slices.Concat(singles, powers, currents, voltages))
	must(err)
	entity.AddUseCaseSupport(model.UseCaseActorTypeMonitoredUnit, model.UseCaseNameTypeMonitoringOfPowerConsumption, "1.0.0", release, true,
		[]model.UseCaseScenarioSupportType{1, 2, 3, 4, 5})
	return s
}

// told is what the use cases report: limits that wait are decided on, those that came are told.
func (s *system) told(ski string, device spineapi.DeviceRemoteInterface, entity spineapi.EntityRemoteInterface, event api.EventType) {
	switch event {
	case cslpc.WriteApprovalRequired:
		for counter, limit := range s.lpc.PendingConsumptionLimits() {
			s.lpc.ApproveOrDenyConsumptionLimit(counter, limit.Value >= 0, "below 0 W")
		}
	case cslpp.WriteApprovalRequired:
		for counter, limit := range s.lpp.PendingProductionLimits() {
			s.lpp.ApproveOrDenyProductionLimit(counter, limit.Value <= 0, "above 0 W")
		}
	}
	tell(ski, device, entity, event)
}

func (s *system) do(c command) bool {
	switch {
	case c.Do == "measure":
		answer(c, nil, s.measured.put(c.Values))
	case c.Do == "own" && c.Of == "lpc":
		limit, err := s.lpc.ConsumptionLimit()
		failsafe, _, err2 := s.lpc.FailsafeConsumptionActivePowerLimit()
		lasts, _, err3 := s.lpc.FailsafeDurationMinimum()
		nominal, err4 := s.lpc.ConsumptionNominalMax()
		read := limited(limit, err, failsafe, err2, lasts, err3, nominal, err4)
		read["beats"] = s.lpc.IsHeartbeatWithinDuration()
		answer(c, read, nil)
	case c.Do == "own" && c.Of == "lpp":
		limit, err := s.lpp.ProductionLimit()
		failsafe, _, err2 := s.lpp.FailsafeProductionActivePowerLimit()
		lasts, _, err3 := s.lpp.FailsafeDurationMinimum()
		nominal, err4 := s.lpp.ProductionNominalMax()
		read := limited(limit, err, failsafe, err2, lasts, err3, nominal, err4)
		read["beats"] = s.lpp.IsHeartbeatWithinDuration()
		answer(c, read, nil)
	default:
		return false
	}
	return true
}

// grid is a grid connection point that is measured (MGCP).
type grid struct{ measured *measured }

func newGrid(n *node, beat time.Duration) role {
	entity := n.entity(model.EntityTypeTypeGridConnectionPointOfPremises, beat, guardBeat)
	n.device.AddEntity(entity)
	singles := []quantity{
		totalPower, frequency, energy("fed_in_wh", model.ScopeTypeTypeGridFeedIn), energy("consumed_wh", model.ScopeTypeTypeGridConsumption),
	}
	point, err := newMeasured(entity, slices.Concat(singles, currents, voltages))
	must(err)
	entity.AddUseCaseSupport(model.UseCaseActorTypeGridConnectionPoint, model.UseCaseNameTypeMonitoringOfGridConnectionPoint, "1.0.0", release, true,
		[]model.UseCaseScenarioSupportType{2, 3, 4, 5, 6, 7})
	return &grid{point}
}

func (g *grid) do(c command) bool {
	if c.Do != "measure" {
		return false
	}
	answer(c, nil, g.measured.put(c.Values))
	return true
}

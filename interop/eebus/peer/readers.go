package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/enbility/eebus-go/api"
	features "github.com/enbility/eebus-go/features/client"
	ucapi "github.com/enbility/eebus-go/usecases/api"
	"github.com/enbility/eebus-go/usecases/cem/cevc"
	"github.com/enbility/eebus-go/usecases/cem/evcc"
	"github.com/enbility/eebus-go/usecases/cem/evcem"
	"github.com/enbility/eebus-go/usecases/cem/evsecc"
	"github.com/enbility/eebus-go/usecases/cem/evsoc"
	"github.com/enbility/eebus-go/usecases/cem/opev"
	"github.com/enbility/eebus-go/usecases/cem/oscev"
	eglpc "github.com/enbility/eebus-go/usecases/eg/lpc"
	eglpp "github.com/enbility/eebus-go/usecases/eg/lpp"
	"github.com/enbility/eebus-go/usecases/ma/mgcp"
	"github.com/enbility/eebus-go/usecases/ma/mpc"
	"github.com/enbility/ship-go/hub"
	spineapi "github.com/enbility/spine-go/api"
	"github.com/enbility/spine-go/model"
	"github.com/enbility/spine-go/spine"
)

const (
	guardBeat = 60 * time.Second // LPC-032
	cemBeat   = 4 * time.Second  // OPEV, OSCEV
)

// reading is what a use case knows of a peer's entity.
type reading func(entity spineapi.EntityRemoteInterface) line

// results hands each result to whoever waits for it. The library's own way is to ask for it after the write, when a quick peer has answered.
type results struct {
	mux     sync.Mutex
	waiting map[write]func(model.ResultDataType)
	early   map[write]model.ResultDataType
}

// write is one of ours, by its peer and its counter.
type write struct {
	ski     string
	counter model.MsgCounterType
}

func (r *results) came(message spineapi.ResponseMessage) {
	result, ok := message.Data.(*model.ResultDataType)
	if !ok || message.DeviceRemote == nil {
		return
	}
	r.mux.Lock()
	defer r.mux.Unlock()
	of := write{message.DeviceRemote.Ski(), message.MsgCounterReference}
	if finish, ok := r.waiting[of]; ok {
		delete(r.waiting, of)
		finish(*result)
	} else {
		r.early[of] = *result
	}
}

func (r *results) wait(of write, finish func(model.ResultDataType)) {
	r.mux.Lock()
	defer r.mux.Unlock()
	if result, ok := r.early[of]; ok {
		delete(r.early, of)
		finish(result)
	} else {
		r.waiting[of] = finish
	}
}

// reader is a role whose use cases read and write what peers have.
type reader struct {
	entity   *spine.EntityLocal
	useCases map[string]api.UseCaseInterface
	readings map[string]reading
	limits   map[string]func(entity spineapi.EntityRemoteInterface, limit ucapi.LoadLimit, told func(model.ResultDataType)) (*model.MsgCounterType, error)
	failsafe map[string]model.DeviceConfigurationKeyNameType
	plan     *cevc.CEVC
	results  results
	currents map[string]func(entity spineapi.EntityRemoteInterface, limits []ucapi.LoadLimitsPhase, told func(model.ResultDataType)) (*model.MsgCounterType, error)
}

func newReader(n *node, kind model.EntityTypeType, beat, usual time.Duration) *reader {
	c := &reader{entity: n.entity(kind, beat, usual), useCases: map[string]api.UseCaseInterface{}, readings: map[string]reading{}}
	c.results = results{waiting: map[write]func(model.ResultDataType){}, early: map[write]model.ResultDataType{}}
	n.device.AddEntity(c.entity)
	for _, written := range []model.FeatureTypeType{model.FeatureTypeTypeLoadControl, model.FeatureTypeTypeDeviceConfiguration} {
		c.entity.GetOrAddFeature(written, model.RoleTypeClient).AddResultCallback(c.results.came)
	}
	return c
}

// tell passes the events of use cases on.
func tell(ski string, _ spineapi.DeviceRemoteInterface, entity spineapi.EntityRemoteInterface, event api.EventType) {
	say(line{"event": string(event), "ski": ski, "entity": addressOf(entity)})
}

func (c *reader) add(name string, useCase api.UseCaseInterface, read reading) {
	useCase.AddFeatures()
	useCase.AddUseCase()
	c.useCases[name], c.readings[name] = useCase, read
}

// known adds a value to what is read, unless it is not there.
func known[T any](into line, name string, value T, err error) {
	if err == nil {
		into[name] = value
	}
}

func newGuard(n *node, beat time.Duration) role {
	c := newReader(n, model.EntityTypeTypeGridGuard, beat, guardBeat)
	lpc, lpp := eglpc.NewLPC(c.entity, c.tellAndAsk), eglpp.NewLPP(c.entity, c.tellAndAsk)
	c.limits = map[string]func(spineapi.EntityRemoteInterface, ucapi.LoadLimit, func(model.ResultDataType)) (*model.MsgCounterType, error){
		"lpc": lpc.WriteConsumptionLimit, "lpp": lpp.WriteProductionLimit,
	}
	c.failsafe = map[string]model.DeviceConfigurationKeyNameType{
		"lpc": model.DeviceConfigurationKeyNameTypeFailsafeConsumptionActivePowerLimit,
		"lpp": model.DeviceConfigurationKeyNameTypeFailsafeProductionActivePowerLimit,
	}
	c.add("lpc", lpc, func(e spineapi.EntityRemoteInterface) line {
		limit, err := lpc.ConsumptionLimit(e)
		failsafe, err2 := lpc.FailsafeConsumptionActivePowerLimit(e)
		lasts, err3 := lpc.FailsafeDurationMinimum(e)
		nominal, err4 := lpc.ConsumptionNominalMax(e)
		return limited(limit, err, failsafe, err2, lasts, err3, nominal, err4)
	})
	c.add("lpp", lpp, func(e spineapi.EntityRemoteInterface) line {
		limit, err := lpp.ProductionLimit(e)
		failsafe, err2 := lpp.FailsafeProductionActivePowerLimit(e)
		lasts, err3 := lpp.FailsafeDurationMinimum(e)
		nominal, err4 := lpp.ProductionNominalMax(e)
		return limited(limit, err, failsafe, err2, lasts, err3, nominal, err4)
	})
	units := mpc.NewMPC(c.entity, tell)
	c.add("mpc", units, func(e spineapi.EntityRemoteInterface) line {
		read := line{}
		power, err := units.Power(e)
		known(read, "power_w", power, err)
		powers, err := units.PowerPerPhase(e)
		known(read, "powers_w", powers, err)
		consumed, err := units.EnergyConsumed(e)
		known(read, "consumed_wh", consumed, err)
		produced, err := units.EnergyProduced(e)
		known(read, "produced_wh", produced, err)
		currents, err := units.CurrentPerPhase(e)
		known(read, "currents_a", currents, err)
		voltages, err := units.VoltagePerPhase(e)
		known(read, "voltages_v", voltages, err)
		frequency, err := units.Frequency(e)
		known(read, "frequency_hz", frequency, err)
		return read
	})
	grid := mgcp.NewMGCP(c.entity, tell)
	c.add("mgcp", grid, func(e spineapi.EntityRemoteInterface) line {
		read := line{}
		power, err := grid.Power(e)
		known(read, "power_w", power, err)
		fed, err := grid.EnergyFeedIn(e)
		known(read, "fed_in_wh", fed, err)
		consumed, err := grid.EnergyConsumed(e)
		known(read, "consumed_wh", consumed, err)
		currents, err := grid.CurrentPerPhase(e)
		known(read, "currents_a", currents, err)
		voltages, err := grid.VoltagePerPhase(e)
		known(read, "voltages_v", voltages, err)
		frequency, err := grid.Frequency(e)
		known(read, "frequency_hz", frequency, err)
		factor, err := grid.PowerLimitationFactor(e)
		known(read, "curtailment_factor", factor, err)
		return read
	})
	return c
}

// tellAndAsk asks for nominal values besides, which the library can tell but does not read.
func (c *reader) tellAndAsk(ski string, device spineapi.DeviceRemoteInterface, entity spineapi.EntityRemoteInterface, event api.EventType) {
	if event == eglpc.UseCaseSupportUpdate || event == eglpp.UseCaseSupportUpdate {
		if connection, err := features.NewElectricalConnection(c.entity, entity); err == nil {
			_, _ = connection.RequestCharacteristics(nil, nil)
		}
	}
	tell(ski, device, entity, event)
}

// tellAndRead asks for the bounds of a car's prices, without which the library writes none and which it does not read.
func (c *reader) tellAndRead(ski string, device spineapi.DeviceRemoteInterface, entity spineapi.EntityRemoteInterface, event api.EventType) {
	if event == cevc.UseCaseSupportUpdate {
		if table, err := features.NewIncentiveTable(c.entity, entity); err == nil {
			_, _ = table.RequestConstraints()
		}
	}
	tell(ski, device, entity, event)
}

// tellAndListen subscribes to a wallbox's state, which the library reads once.
func (c *reader) tellAndListen(ski string, device spineapi.DeviceRemoteInterface, entity spineapi.EntityRemoteInterface, event api.EventType) {
	if event == evsecc.EvseConnected {
		if diagnosis, err := features.NewDeviceDiagnosis(c.entity, entity); err == nil {
			_, _ = diagnosis.Subscribe()
		}
	}
	tell(ski, device, entity, event)
}

func limited(limit ucapi.LoadLimit, err error, failsafe float64, err2 error, lasts time.Duration, err3 error, nominal float64, err4 error) line {
	read := line{}
	if err == nil {
		read["limit_w"], read["active"], read["lasts_s"] = limit.Value, limit.IsActive, limit.Duration.Seconds()
	}
	known(read, "failsafe_w", failsafe, err2)
	known(read, "failsafe_s", lasts.Seconds(), err3)
	known(read, "nominal_w", nominal, err4)
	return read
}

// hanger is all of a service that a use case asks for: to hang up.
type hanger struct {
	api.ServiceInterface
	hub *hub.Hub
}

func (h hanger) DisconnectSKI(ski string, reason string) { h.hub.DisconnectSKI(ski, reason) }

func newCem(n *node, beat time.Duration) role {
	c := newReader(n, model.EntityTypeTypeCEM, beat, cemBeat)
	box, car := evsecc.NewEVSECC(c.entity, c.tellAndListen), evcc.NewEVCC(hanger{hub: n.hub}, c.entity, tell)
	flow, charge := evcem.NewEVCEM(hanger{hub: n.hub}, c.entity, tell), evsoc.NewEVSOC(c.entity, tell)
	guard, sun, plan := opev.NewOPEV(c.entity, tell), oscev.NewOSCEV(c.entity, tell), cevc.NewCEVC(c.entity, c.tellAndRead)
	c.currents = map[string]func(spineapi.EntityRemoteInterface, []ucapi.LoadLimitsPhase, func(model.ResultDataType)) (*model.MsgCounterType, error){
		"opev": guard.WriteLoadControlLimits, "oscev": sun.WriteLoadControlLimits,
	}
	c.add("evsecc", box, func(e spineapi.EntityRemoteInterface) line {
		read := line{}
		maker, err := box.ManufacturerData(e)
		known(read, "manufacturer", maker, err)
		state, fault, err := box.OperatingState(e)
		known(read, "state", state, err)
		known(read, "error_code", fault, err)
		return read
	})
	c.add("evcc", car, func(e spineapi.EntityRemoteInterface) line {
		read := line{"connected": car.EVConnected(e)}
		state, err := car.ChargeState(e)
		known(read, "state", state, err)
		standard, err := car.CommunicationStandard(e)
		known(read, "standard", standard, err)
		asymmetric, err := car.AsymmetricChargingSupport(e)
		known(read, "asymmetric", asymmetric, err)
		idents, err := car.Identifications(e)
		known(read, "identifications", idents, err)
		maker, err := car.ManufacturerData(e)
		known(read, "manufacturer", maker, err)
		least, most, standby, err := car.ChargingPowerLimits(e)
		known(read, "powers_w", []float64{least, most, standby}, err)
		asleep, err := car.IsInSleepMode(e)
		known(read, "asleep", asleep, err)
		return read
	})
	c.add("evcem", flow, func(e spineapi.EntityRemoteInterface) line {
		read := line{}
		phases, err := flow.PhasesConnected(e)
		known(read, "phases", phases, err)
		currents, err := flow.CurrentPerPhase(e)
		known(read, "currents_a", currents, err)
		powers, err := flow.PowerPerPhase(e)
		known(read, "powers_w", powers, err)
		energy, err := flow.EnergyCharged(e)
		known(read, "energy_wh", energy, err)
		return read
	})
	c.add("opev", guard, func(e spineapi.EntityRemoteInterface) line {
		least, most, pause, err := guard.CurrentLimits(e)
		limits, err2 := guard.LoadControlLimits(e)
		return curtailed(least, most, pause, err, limits, err2)
	})
	c.add("oscev", sun, func(e spineapi.EntityRemoteInterface) line {
		least, most, pause, err := sun.CurrentLimits(e)
		limits, err2 := sun.LoadControlLimits(e)
		return curtailed(least, most, pause, err, limits, err2)
	})
	c.add("evsoc", charge, func(e spineapi.EntityRemoteInterface) line {
		read := line{}
		soc, err := charge.StateOfCharge(e)
		known(read, "soc_percent", soc, err)
		return read
	})
	c.plan = plan
	c.add("cevc", plan, func(e spineapi.EntityRemoteInterface) line {
		read := line{"strategy": plan.ChargeStrategy(e)}
		demand, err := plan.EnergyDemand(e)
		known(read, "demand", demand, err)
		slots, err := plan.TimeSlotConstraints(e)
		known(read, "slots", slots, err)
		prices, err := plan.IncentiveConstraints(e)
		known(read, "price_slots", prices, err)
		planned, err := plan.ChargePlan(e)
		known(read, "plan", planned, err)
		return read
	})
	return c
}

// coordinate tells a car powers and prices. The library does not say whether the car takes them.
func (c *reader) coordinate(told command, entity spineapi.EntityRemoteInterface) error {
	if c.plan == nil {
		return errors.New("no CEVC")
	}
	if err := c.plan.WriteIncentiveTableDescriptions(entity, nil); err != nil {
		return err
	}
	if err := c.plan.WritePowerLimits(entity, slots(told.Powers)); err != nil {
		return err
	}
	return c.plan.WriteIncentives(entity, slots(told.Prices))
}

func slots(told [][2]float64) []ucapi.DurationSlotValue {
	made := []ucapi.DurationSlotValue{}
	for _, one := range told {
		made = append(made, ucapi.DurationSlotValue{Duration: seconds(&one[0]), Value: one[1]})
	}
	return made
}

func curtailed(least, most, pause []float64, err error, limits []ucapi.LoadLimitsPhase, err2 error) line {
	read := line{}
	known(read, "least_a", least, err)
	known(read, "most_a", most, err)
	known(read, "pause_a", pause, err)
	if err2 == nil {
		values, active := []float64{}, []bool{}
		for _, one := range limits {
			values, active = append(values, one.Value), append(active, one.IsActive)
		}
		read["currents_a"], read["active"] = values, active
	}
	return read
}

// at is the entity of a peer that was found for a use case.
func (c *reader) at(of, ski string) (spineapi.EntityRemoteInterface, error) {
	useCase, ok := c.useCases[of]
	if !ok {
		return nil, fmt.Errorf("no use case %q", of)
	}
	for _, found := range useCase.RemoteEntitiesScenarios() {
		if found.Entity == nil || found.Entity.Device() == nil || found.Entity.Device().Ski() != ski {
			continue
		}
		// The library may still name the entity of an earlier connection of the same peer.
		if device := c.entity.Device().RemoteDeviceForSki(ski); device != nil {
			if entity := device.Entity(found.Entity.Address().Entity); entity != nil {
				return entity, nil
			}
		}
	}
	return nil, fmt.Errorf("%s is not known of %s", of, ski)
}

func (c *reader) do(told command) bool {
	if _, ok := c.useCases[told.Of]; !ok {
		return false
	}
	switch told.Do {
	case "known":
		answer(told, line{"count": len(c.useCases[told.Of].RemoteEntitiesScenarios())}, nil)
		return true
	case "in turn":
		read, err := c.inTurn(told)
		answer(told, read, err)
		return true
	case "to all":
		read, err := c.toAll(told)
		answer(told, read, err)
		return true
	}
	entity, err := c.at(told.Of, told.Ski)
	if err != nil {
		answer(told, nil, err)
		return true
	}
	var counter *model.MsgCounterType
	switch told.Do {
	case "read":
		read := c.readings[told.Of](entity)
		read["entity"] = addressOf(entity)
		answer(told, read, nil)
		return true
	case "limit":
		put, ok := c.limits[told.Of]
		if !ok || told.Value == nil {
			answer(told, nil, errors.New("no limit, or no value"))
			return true
		}
		counter, err = put(entity, ucapi.LoadLimit{Duration: seconds(told.LastsS), IsActive: told.Active, Value: *told.Value}, nil)
	case "coordinate":
		answer(told, nil, c.coordinate(told, entity))
		return true
	case "failsafe":
		counter, err = c.writeFailsafe(told, entity)
	case "currents":
		put, ok := c.currents[told.Of]
		if !ok {
			answer(told, nil, errors.New("no currents"))
			return true
		}
		var limits []ucapi.LoadLimitsPhase
		for i, value := range told.Currents {
			limits = append(limits, ucapi.LoadLimitsPhase{Phase: ucapi.PhaseNameMapping[i], IsActive: told.Active, Value: value})
		}
		counter, err = put(entity, limits, nil)
	default:
		return false
	}
	if err != nil || counter == nil {
		answer(told, nil, fmt.Errorf("not written: %v", err))
		return true
	}
	c.results.wait(write{told.Ski, *counter}, func(result model.ResultDataType) { answer(told, outcome(result), nil) })
	return true
}

// writeFailsafe writes one of the two keys as it stands in the command: the library's own call refuses a duration that is too short.
func (c *reader) writeFailsafe(told command, entity spineapi.EntityRemoteInterface) (*model.MsgCounterType, error) {
	configuration, err := features.NewDeviceConfiguration(c.entity, entity)
	if err != nil {
		return nil, err
	}
	name := c.failsafe[told.Of]
	value := &model.DeviceConfigurationKeyValueValueType{}
	if told.Value != nil {
		value.ScaledNumber = model.NewScaledNumberType(*told.Value)
	} else {
		name = model.DeviceConfigurationKeyNameTypeFailsafeDurationMinimum
		value.Duration = model.NewDurationType(seconds(told.LastsS))
	}
	keys, err := configuration.GetKeyValueDescriptionsForFilter(model.DeviceConfigurationKeyValueDescriptionDataType{KeyName: &name})
	if err != nil || len(keys) != 1 {
		return nil, fmt.Errorf("no key %s: %v", name, err)
	}
	return configuration.WriteKeyValues([]model.DeviceConfigurationKeyValueDataType{{KeyId: keys[0].KeyId, Value: value}})
}

func outcome(result model.ResultDataType) line {
	told := line{"result": -1}
	if result.ErrorNumber != nil {
		told["result"] = int(*result.ErrorNumber)
	}
	if result.Description != nil {
		told["text"] = string(*result.Description)
	}
	return told
}

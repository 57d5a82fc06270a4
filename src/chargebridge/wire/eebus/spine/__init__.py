"""SPINE 1.3.0: datagrams, what a device offers, and the node that talks about it.

    device = LocalDevice("d:_n:Acme_House-1", "EnergyManagementSystem")
    node = Node(device)
    entity = device.add((1,), "CEM")
    limit = Limited(LPC, Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(4200)), remembered, now)
    ControllableSystem(node, entity, (limit,), now)

    events = node.connect(ski, now)             # when SHIP says Connected
    events = node.receive(ski, payload, now)    # when SHIP says Received
    events = node.tick(now)                     # when ``node.due_s()`` has come
    events = node.disconnect(ski, now)          # when SHIP says Closed

Of the events ``Send`` goes out by SHIP; ``LimitChanged`` is what to keep from now on; `chargebridge.wire.eebus.spine.events` has the others.
"""

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {IAllocationManager} from "../../src/interfaces/IAllocationManager.sol";
import {DevnetPauser} from "../../src/eigenlayer/DevnetPauser.sol";
import {DevnetStrategy} from "../../src/eigenlayer/DevnetStrategy.sol";
import {PlayMoney} from "../../src/examples/PlayMoney.sol";
import {Promises} from "./Promises.sol";

interface IOwned {
    function initialize(address owner, uint256 paused) external;
}

interface IStrategies {
    function initialize(address owner, address whitelister, uint256 paused) external;
    function addStrategiesToDepositWhitelist(address[] calldata strategies) external;
    function depositIntoStrategy(address strategy, address token, uint256 amount) external returns (uint256);
}

interface IDelegations {
    function registerAsOperator(address approver, uint32 allocationDelay, string calldata metadataURI) external;
}

/// @notice EigenLayer's own core v1.4, from the creation code in the file that EIGENLAYER_CORE names (promises.sh writes
/// it); skipped without. Deployed as tests/eigenlayer does it. Unlike the stand-in, it gives stake back only after the
/// deallocation delay, and lets nobody back in before what was there is out of reach.
contract CorePromisesTest is Promises {
    string private constant VERSION = "v1.4.0";

    string private codes;
    IDelegations private delegations;

    function start(address[] memory operators) internal override {
        string memory file = vm.envOr("EIGENLAYER_CORE", string(""));
        if (bytes(file).length == 0) vm.skip(true);
        codes = vm.readFile(file);
        IStrategies strategies = deploy();
        PlayMoney token = new PlayMoney();
        strategy = address(new DevnetStrategy(address(strategies), token));
        address[] memory list = new address[](1);
        list[0] = strategy;
        strategies.addStrategiesToDepositWhitelist(list);
        for (uint256 i = 0; i < operators.length; ++i) {
            token.mint(operators[i], DEPOSIT);
            vm.startPrank(operators[i]);
            delegations.registerAsOperator(address(0), 0, "");
            token.approve(address(strategies), DEPOSIT);
            strategies.depositIntoStrategy(strategy, address(token), DEPOSIT);
            vm.stopPrank();
        }
        // until the operators' allocation delay of zero blocks is in force
        vm.roll(block.number + 10);
    }

    /// The four name each other: implementations come first, then the proxies in the order below.
    function deploy() private returns (IStrategies strategies) {
        address pauser = address(new DevnetPauser());
        address permissions = create("PermissionController", abi.encode(VERSION));
        uint256 nonce = vm.getNonce(address(this)) + 4;
        address strategiesAt = vm.computeCreateAddress(address(this), nonce);
        address podsAt = vm.computeCreateAddress(address(this), nonce + 1);
        address managerAt = vm.computeCreateAddress(address(this), nonce + 2);
        address delegationsAt = vm.computeCreateAddress(address(this), nonce + 3);
        address strategiesCode = create("StrategyManager", abi.encode(delegationsAt, pauser, VERSION));
        address podsCode = create("EigenPodManager", abi.encode(address(0), address(0), delegationsAt, pauser, VERSION));
        address managerCode =
            create("AllocationManager", abi.encode(delegationsAt, pauser, permissions, DELAY, uint32(1), VERSION));
        address delegationsCode = create(
            "DelegationManager", abi.encode(strategiesAt, podsAt, managerAt, pauser, permissions, uint32(5), VERSION)
        );
        bytes memory owned = abi.encodeCall(IOwned.initialize, (address(this), 0));
        bytes memory begin = abi.encodeCall(IStrategies.initialize, (address(this), address(this), 0));
        strategies = IStrategies(address(new ERC1967Proxy(strategiesCode, begin)));
        new ERC1967Proxy(podsCode, owned);
        manager = IAllocationManager(address(new ERC1967Proxy(managerCode, owned)));
        delegations = IDelegations(address(new ERC1967Proxy(delegationsCode, owned)));
        check(address(manager) == managerAt && address(delegations) == delegationsAt, "predicted wrongly");
    }

    function create(string memory name, bytes memory arguments) private returns (address created) {
        bytes memory code = bytes.concat(vm.parseJsonBytes(codes, string.concat(".", name)), arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
        }
        check(created != address(0), name);
    }

    function test_comingBack_notWhileItsStakeIsWithinReach() public {
        enter(ANN);
        depart(ANN, ANN);
        vm.expectRevert();
        this.enter(ANN);
    }

    function test_stake_givenBackCountsUntilTheDelayIsOver() public {
        allocate(ANN, ALL_OF_IT);
        vm.roll(block.number + 1);
        enter(ANN);
        allocate(ANN, 0);
        check(counted(ANN) == DEPOSIT, "for now");
        vm.roll(block.number + DELAY - HORIZON + 1);
        check(counted(ANN) == 0, "not when it will be gone within the horizon");
    }
}

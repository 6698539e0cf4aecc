// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LocalAllocationManager} from "../../src/LocalAllocationManager.sol";
import {Promises} from "./Promises.sol";

/// @notice The stand-in of local chains. Unlike the core, it lets operators allocate and give back stake at once, and come
/// back at once after they left: nobody could wait a fortnight there.
contract LocalPromisesTest is Promises {
    function start(address[] memory) internal override {
        strategy = address(0x57a7);
        manager = new LocalAllocationManager(); // everybody has the deposit there
    }

    function test_comingBack_atOnce() public {
        enter(ANN);
        depart(ANN, ANN);
        enter(ANN);
        check(isMember(ANN), "back");
    }
}

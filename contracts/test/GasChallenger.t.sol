// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {Challenged} from "./Challenged.sol";

/// @notice Gas of proving an equivocation of one of 64 keepers, by two partials of batches of 32. EigenLayer's own slashing
/// costs about 200,000 more than the stand-in's.
/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract GasChallengerTest is Challenged {
    function test_prove() public {
        for (uint256 i = KEEPERS; i < 64; ++i) {
            join(i);
        }
        openEpoch();
        vm.roll(block.number + 5);
        bytes32[] memory siblings = new bytes32[](5);
        for (uint256 i = 0; i < 5; ++i) {
            siblings[i] = keccak256(abi.encode(i));
        }
        IChallenger.Statement memory one = statementIn(2, report(3, 1), siblings, 1 << 40);
        IChallenger.Statement memory other = statementIn(2, report(3, 2), siblings, 1 << 40);
        equal(challenger.proveEquivocation(2, one, other), 1, "convicted");
        vm.snapshotValue("gas", "prove_equivocation", vm.lastCallGas().gasTotalUsed);
    }
}

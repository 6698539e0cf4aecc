// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";

/// @title JobReader
/// @notice Reads many jobs in one `eth_call`, and is never deployed: a node runs the constructor, whose answer is what it reverts
/// with.
/// @dev What a constructor returns is taken for code, of which there may be 24,576 bytes, thirty jobs. A revert has no such limit, and
/// needs no assembly.
contract JobReader {
    /// @notice The answer: how many jobs there are, and those asked for, the newest last.
    error Jobs(uint64 count, IJobManager.Job[] jobs);

    /// @param last the newest job wanted; where there are not so many, the newest of all
    /// @param most how many jobs, up to that one
    constructor(IJobManager manager, uint64 last, uint64 most) {
        uint64 count = manager.jobCount();
        if (last > count) last = count;
        if (most > last) most = last;
        IJobManager.Job[] memory jobs = new IJobManager.Job[](most);
        for (uint64 i = 0; i < most; ++i) {
            jobs[i] = manager.job(last - most + 1 + i);
        }
        revert Jobs(count, jobs);
    }
}
